#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace tenure {

/// Base of every error the engine throws on purpose. Python: TenureError.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The caller's data break a stated precondition. Python: InvalidInputError, also a ValueError.
/// `row` is the 0-based position in what the caller passed (not in a sorted or collapsed copy),
/// or -1 where no single row is to blame.
class InvalidInput : public Error {
 public:
  InvalidInput(const char* argument, std::int64_t row, double value, const char* rule);
  /// For rules whose offending value is not a number, or is told by the rule itself.
  InvalidInput(const char* argument, std::int64_t row, const std::string& message);

  const std::string& argument() const noexcept { return argument_; }
  std::int64_t row() const noexcept { return row_; }
  double value() const noexcept { return value_; }  ///< NaN where the value is not a number

 private:
  std::string argument_;
  std::int64_t row_;
  double value_;
};

/// A fit stopped without an optimum and the caller asked for an error. Python: NotConvergedError.
class NotConverged : public Error {
 public:
  using Error::Error;
};

/// The user asked to stop (Ctrl-C). Python: the pending exception, usually KeyboardInterrupt.
class Interrupted : public Error {
 public:
  Interrupted() : Error("interrupted") {}
};

}  // namespace tenure
