#include "arrays.hpp"
#include "cohort.hpp"
#include "execution.hpp"
#include "tenure/cohort/return_times.hpp"

namespace tenure::python {
namespace {

py::dict return_times(const events::EventLog& log, Period period, const std::string& anchor,
                      std::vector<std::uint8_t> start_event, std::vector<std::uint8_t> return_event,
                      Filters where, const std::optional<Column<std::int64_t>>& signup,
                      std::optional<std::size_t> by_property,
                      const std::optional<Column<std::int32_t>>& by_customer,
                      std::optional<std::int64_t> silence, int threads) {
  cohort::ReturnTimeOptions o;
  o.member = member_options(period, anchor, std::move(start_event), std::move(return_event),
                            std::move(where), signup, by_property, by_customer);
  o.ending = silence ? cohort::Ending::silence : cohort::Ending::first_return;
  o.silence = silence.value_or(0);
  auto t = without_gil(
      threads, [&](const Execution& execution) { return cohort::return_times(log, o, execution); });
  std::vector<std::int64_t> first_day(t.period.size());
  for (std::size_t i = 0; i < first_day.size(); ++i)
    first_day[i] = first_day_of_period(t.period[i], period);
  py::dict out;
  out["customer"] = release_to_numpy(std::move(t.customer));
  out["cohort"] = release_to_numpy(std::move(first_day));
  out["group"] = release_to_numpy(std::move(t.group));
  out["days"] = release_to_numpy(std::move(t.days));
  out["ended"] = release_to_numpy(std::move(t.ended));
  out["without_start"] = t.without_start;
  return out;
}

}  // namespace

void bind_compare(py::module_& m) {
  m.def("return_times", &return_times, py::arg("log"), py::kw_only(), py::arg("period"),
        py::arg("anchor"), py::arg("start_event"), py::arg("return_event"), py::arg("where"),
        py::arg("signup").noconvert(), py::arg("by_property"), py::arg("by_customer").noconvert(),
        py::arg("silence"), py::arg("threads"));
}

}  // namespace tenure::python
