#include "reference_table.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace tenure::testing {

ReferenceTable read_reference(const std::string& name) {
  std::ifstream file(std::string(TENURE_REFERENCE_DIR) + "/" + name);
  if (!file) throw std::runtime_error("no reference table " + name);
  ReferenceTable table;
  std::string line, cell;
  const auto split = [&](auto&& take) {
    std::stringstream cells(line);
    while (std::getline(cells, cell, ',')) take(cell);
  };
  std::getline(file, line);
  split([&](const std::string& c) { table.columns.push_back(c); });
  while (std::getline(file, line)) {
    std::vector<double> row;
    split([&](const std::string& c) { row.push_back(std::strtod(c.c_str(), nullptr)); });
    if (row.size() != table.columns.size()) throw std::runtime_error("ragged row in " + name);
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace tenure::testing
