#pragma once
#include <pybind11/stl.h>

#include <string>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "tenure/cohort/members.hpp"

namespace tenure::python {

// The parts of the submodule `cohort`, one subject each.
void bind_cohort_states(py::module_& m);
void bind_growth(py::module_& m);
void bind_retention(py::module_& m);
void bind_compare(py::module_& m);
void bind_contracts(py::module_& m);

/// Values, by property, that a start event must have: (property, flag of each code).
using Filters = std::vector<std::pair<std::size_t, std::vector<std::uint8_t>>>;

/// Who starts a cohort, when, in which group; what a return is. Views of the columns.
cohort::MemberOptions member_options(Period period, const std::string& anchor,
                                     std::vector<std::uint8_t> start_event,
                                     std::vector<std::uint8_t> return_event, Filters where,
                                     const std::optional<Column<std::int64_t>>& signup,
                                     std::optional<std::size_t> by_property,
                                     const std::optional<Column<std::int32_t>>& by_customer);

}  // namespace tenure::python
