#include <pybind11/stl.h>

#include "arrays.hpp"
#include "cohort.hpp"
#include "execution.hpp"
#include "tenure/cohort/active_users.hpp"
#include "tenure/cohort/growth.hpp"

namespace tenure::python {
namespace {

py::dict growth(const events::EventLog& log, Period period, std::int64_t lapse,
                std::vector<std::uint8_t> event, const std::optional<Column<std::int64_t>>& signup,
                int threads) {
  cohort::GrowthOptions options{period, lapse, std::move(event), view(signup, "signup")};
  auto g = without_gil(
      threads, [&](const Execution& execution) { return cohort::growth(log, options, execution); });
  std::vector<std::int64_t> days;
  for (std::size_t p = 0; p < g.fresh.size(); ++p)
    days.push_back(first_day_of_period(g.first_period + static_cast<std::int64_t>(p), period));
  py::dict out;
  out["period"] = release_to_numpy(std::move(days));
  out["new"] = release_to_numpy(std::move(g.fresh));
  out["returning"] = release_to_numpy(std::move(g.returning));
  out["resurrected"] = release_to_numpy(std::move(g.resurrected));
  out["dormant"] = release_to_numpy(std::move(g.dormant));
  out["lapsed"] = release_to_numpy(std::move(g.lapsed));
  return out;
}

py::tuple active_users(const events::EventLog& log, const std::vector<std::uint8_t>& event,
                       const std::vector<std::int64_t>& windows, int threads) {
  auto users = without_gil(threads, [&](const Execution& execution) {
    return cohort::active_users(log, event, windows, execution);
  });
  py::list active;
  for (auto& counts : users.active) active.append(release_to_numpy(std::move(counts)));
  return py::make_tuple(users.first_day, active);
}

py::tuple stickiness(const events::EventLog& log, const std::vector<std::uint8_t>& event,
                     Period inner, Period outer, int threads) {
  auto s = without_gil(threads, [&](const Execution& execution) {
    return cohort::stickiness(log, event, inner, outer, execution);
  });
  std::vector<std::int64_t> days;
  for (std::int64_t p = 0; p < std::ssize(s.customers) / s.most; ++p)
    days.push_back(first_day_of_period(s.first_period + p, outer));
  return py::make_tuple(release_to_numpy(std::move(days)), s.most,
                        release_to_numpy(std::move(s.customers)));
}

}  // namespace

void bind_growth(py::module_& m) {
  m.def("growth", &growth, py::arg("log"), py::arg("period"), py::arg("lapse"), py::arg("event"),
        py::arg("signup").noconvert(), py::arg("threads"));
  m.def("active_users", &active_users, py::arg("log"), py::arg("event"), py::arg("windows"),
        py::arg("threads"));
  m.def("stickiness", &stickiness, py::arg("log"), py::arg("event"), py::arg("inner"),
        py::arg("outer"), py::arg("threads"));
}

}  // namespace tenure::python
