#pragma once
#include <string>
#include <vector>

namespace tenure::testing {

/// A CSV of tests/reference: one header line, then numbers, decimal or hexadecimal.
struct ReferenceTable {
  std::vector<std::string> columns;
  std::vector<std::vector<double>> rows;
};

ReferenceTable read_reference(const std::string& name);

}  // namespace tenure::testing
