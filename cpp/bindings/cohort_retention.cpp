#include <pybind11/stl.h>

#include <map>
#include <string>

#include "arrays.hpp"
#include "cohort.hpp"
#include "execution.hpp"
#include "tenure/cohort/members.hpp"
#include "tenure/cohort/retention.hpp"
#include "tenure/cohort/retention_rates.hpp"
#include "tenure/cohort/return_curve.hpp"

namespace tenure::python {
namespace {

using cohort::Members;
using cohort::RetentionCells;
using cohort::RetentionTable;

template <class Choice>
Choice chosen(const std::map<std::string, Choice>& names, const std::string& name) {
  return names.at(name);  // the Python layer has checked it
}

cohort::RateOptions rate_options(const std::string& value, const std::string& denominator,
                                 const std::string& mean, const std::string& match,
                                 std::int64_t min_events) {
  using namespace cohort;
  return {chosen<Value>({{"customers", Value::customers},
                         {"revenue", Value::revenue},
                         {"events", Value::events},
                         {"cumulative_revenue", Value::cumulative_revenue}},
                        value),
          chosen<Denominator>({{"cohort", Denominator::cohort},
                               {"previous", Denominator::previous},
                               {"at_risk", Denominator::at_risk}},
                              denominator),
          chosen<MeanKind>({{"weighted", MeanKind::weighted}, {"simple", MeanKind::simple}}, mean),
          chosen<Match>({{"on", Match::on},
                         {"on_or_before", Match::on_or_before},
                         {"on_or_after", Match::on_or_after}},
                        match),
          min_events};
}

cohort::MemberRows members(const events::EventLog& log, Period period, bool rolling,
                           const std::string& anchor, std::vector<std::uint8_t> start_event,
                           std::vector<std::uint8_t> return_event, Filters where,
                           const std::optional<Column<std::int64_t>>& signup,
                           std::optional<std::size_t> by_property,
                           const std::optional<Column<std::int32_t>>& by_customer, bool same_value,
                           std::optional<std::int64_t> max_age,
                           std::optional<std::vector<std::int64_t>> brackets, int threads) {
  cohort::MemberOptions o =
      member_options(period, anchor, std::move(start_event), std::move(return_event),
                     std::move(where), signup, by_property, by_customer);
  o.clock = rolling ? cohort::Clock::rolling : cohort::Clock::calendar;
  o.same_value = same_value;
  o.max_age = max_age;
  o.brackets = std::move(brackets);
  return without_gil(
      threads, [&](const Execution& execution) { return cohort::member_rows(log, o, execution); });
}

void bind_members(py::module_& m) {
  py::class_<RetentionTable>(m, "RetentionTable")
      .def_readonly("without_start", &RetentionTable::without_orders)
      .def_readonly("unassigned_revenue", &RetentionTable::unassigned_revenue);
  py::class_<Members>(m, "Members")
      .def_readonly("without_start", &Members::without_start)
      .def_readonly("unassigned_revenue", &Members::unassigned_revenue)
      .def("in_one_group", [](const Members& t) { return cohort::in_one_group(t); })
      .def("groups", [](const Members& t) { return release_to_numpy(std::vector(t.group)); });
  m.def(
      "retention_counts",
      [](const events::EventLog& log, Period period, std::optional<std::int64_t> max_age,
         bool revenue, int threads) {
        return without_gil(threads, [&](const Execution& execution) {
          return cohort::retention_counts(log, {period, max_age, revenue}, execution);
        });
      },
      py::arg("log"), py::arg("period"), py::arg("max_age"), py::arg("revenue"),
      py::arg("threads"));
  m.def("member_rows", &members, py::arg("log"), py::kw_only(), py::arg("period"),
        py::arg("rolling"), py::arg("anchor"), py::arg("start_event"), py::arg("return_event"),
        py::arg("where"), py::arg("signup").noconvert(), py::arg("by_property"),
        py::arg("by_customer").noconvert(), py::arg("same_value"), py::arg("max_age"),
        py::arg("brackets"), py::arg("threads"));
}

void bind_cells(py::module_& m) {
  py::class_<cohort::RateOptions>(m, "RateOptions")
      .def(py::init(&rate_options), py::arg("value"), py::arg("denominator"), py::arg("mean"),
           py::arg("match"), py::arg("min_events"))
      .def_property_readonly("is_proportion", &cohort::RateOptions::is_proportion);
  py::class_<RetentionCells>(m, "RetentionCells")
      .def_readonly("groups", &RetentionCells::groups)
      .def_readonly("cohorts", &RetentionCells::cohorts)
      .def_readonly("ages", &RetentionCells::ages)
      .def("first_days",
           [](const RetentionCells& t, Period period) {
             std::vector<std::int64_t> days;
             for (std::int64_t c = 0; c < t.cohorts; ++c)
               days.push_back(first_day_of_period(t.first_period + c, period));
             return release_to_numpy(std::move(days));
           })
      .def("sizes", [](const RetentionCells& t) { return release_to_numpy(std::vector(t.size)); })
      .def("observed",
           [](const RetentionCells& t) { return release_to_numpy(std::vector(t.observed)); })
      .def("active",
           [](const RetentionCells& t) { return release_to_numpy(std::vector(t.active)); });
  m.def("table_cells",
        py::overload_cast<const RetentionTable&, const cohort::RateOptions&>(
            &cohort::retention_cells),
        py::arg("table"), py::arg("options"));
  m.def(
      "member_cells",
      [](const Members& all, const cohort::RateOptions& options) {
        return without_gil(1, [&](const Execution& execution) {
          return cohort::retention_cells(all, options, execution);
        });
      },
      py::arg("members"), py::arg("options"));
}

py::dict rates(const RetentionCells& cells, const cohort::RateOptions& options) {
  auto r = cohort::retention_rates(cells, options);
  py::dict out;
  out["count"] = release_to_numpy(std::move(r.count));
  out["denominator"] = release_to_numpy(std::move(r.denominator));
  out["rate"] = release_to_numpy(std::move(r.rate));
  out["mean_count"] = release_to_numpy(std::move(r.mean_count));
  out["mean_denominator"] = release_to_numpy(std::move(r.mean_denominator));
  out["mean"] = release_to_numpy(std::move(r.mean));
  out["mean_cohorts"] = release_to_numpy(std::move(r.mean_cohorts));
  return out;
}

py::tuple bootstrap(const Members& all, const cohort::RateOptions& options, std::int64_t replicates,
                    std::uint64_t seed, double level, int threads) {
  auto limits = without_gil(threads, [&](const Execution& execution) {
    return cohort::retention_bootstrap(all, options, {replicates, seed, level}, execution);
  });
  return py::make_tuple(release_to_numpy(std::move(limits.lower)),
                        release_to_numpy(std::move(limits.upper)),
                        release_to_numpy(std::move(limits.mean_lower)),
                        release_to_numpy(std::move(limits.mean_upper)));
}

py::dict shares(const Members& all, std::int64_t min_events, double level, int threads) {
  auto r = without_gil(threads, [&](const Execution& execution) {
    return cohort::return_shares(all, min_events, level, execution);
  });
  py::dict out;
  out["rate"] = release_to_numpy(std::move(r.rate));
  out["lower"] = release_to_numpy(std::move(r.lower));
  out["upper"] = release_to_numpy(std::move(r.upper));
  out["mean"] = release_to_numpy(std::move(r.mean));
  out["mean_lower"] = release_to_numpy(std::move(r.mean_lower));
  out["mean_upper"] = release_to_numpy(std::move(r.mean_upper));
  return out;
}

}  // namespace

cohort::MemberOptions member_options(Period period, const std::string& anchor,
                                     std::vector<std::uint8_t> start_event,
                                     std::vector<std::uint8_t> return_event, Filters where,
                                     const std::optional<Column<std::int64_t>>& signup,
                                     std::optional<std::size_t> by_property,
                                     const std::optional<Column<std::int32_t>>& by_customer) {
  using cohort::Anchor;
  cohort::MemberOptions o;
  o.period = period;
  o.anchor = chosen<Anchor>({{"first_ever", Anchor::first_ever},
                             {"first_matching", Anchor::first_matching},
                             {"recurring", Anchor::recurring}},
                            anchor);
  o.start_event = std::move(start_event);
  o.return_event = std::move(return_event);
  for (auto& [property, allowed] : where) o.where.push_back({property, std::move(allowed)});
  o.signup = view(signup, "signup");
  o.by_property = by_property;
  o.by_customer = view(by_customer, "by");
  return o;
}

void bind_retention(py::module_& m) {
  bind_members(m);
  bind_cells(m);
  m.def("retention_rates", &rates, py::arg("cells"), py::arg("options"));
  m.def("retention_bootstrap", &bootstrap, py::arg("members"), py::arg("options"),
        py::arg("replicates"), py::arg("seed"), py::arg("level"), py::arg("threads"));
  m.def("return_shares", &shares, py::arg("members"), py::arg("min_events"), py::arg("level"),
        py::arg("threads"));
}

}  // namespace tenure::python
