#include "tenure/support/errors.hpp"

#include <limits>
#include <sstream>

namespace tenure {
namespace {

std::string locate(const char* argument, std::int64_t row) {
  std::string where = argument;
  if (row >= 0) where.append("[").append(std::to_string(row)).append("]");
  return where;
}

std::string describe(const char* argument, std::int64_t row, double value, const char* rule) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out.precision(17);
  out << locate(argument, row) << " must be " << rule << ", got " << value;
  return std::move(out).str();
}

}  // namespace

InvalidInput::InvalidInput(const char* argument, std::int64_t row, double value, const char* rule)
    : Error(describe(argument, row, value, rule)), argument_(argument), row_(row), value_(value) {}

InvalidInput::InvalidInput(const char* argument, std::int64_t row, const std::string& message)
    : Error(locate(argument, row) + " " + message),
      argument_(argument),
      row_(row),
      value_(std::numeric_limits<double>::quiet_NaN()) {}

}  // namespace tenure
