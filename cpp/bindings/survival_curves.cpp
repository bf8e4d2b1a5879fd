#include <pybind11/stl.h>

#include "arrays.hpp"
#include "execution.hpp"
#include "survival.hpp"
#include "tenure/survival/bands.hpp"
#include "tenure/survival/competing_risks.hpp"
#include "tenure/survival/curve_limits.hpp"
#include "tenure/survival/turnbull.hpp"

namespace tenure::python {
namespace {

/// Copies: another thread may write to the arrays while the GIL is released, and durations and
/// codes become positions in an array after they were checked.
template <class T>
std::vector<T> copy(const Column<T>& values, const char* argument) {
  const auto view_of = view(values, argument);
  return {view_of.begin(), view_of.end()};
}

template <class T>
std::vector<T> copy(const std::optional<Column<T>>& values, const char* argument) {
  return values ? copy(*values, argument) : std::vector<T>{};
}

py::dict nelson_aalen(const Column<double>& duration, const Column<std::uint8_t>& churned,
                      const std::optional<Column<double>>& entry,
                      const std::optional<Column<double>>& weight, bool in_turn) {
  const auto t = copy(duration, "duration");
  const auto c = copy(churned, "churned");
  const auto e = copy(entry, "entry"), w = copy(weight, "sample_weight");
  survival::CensoredSample sample{t, c};
  if (entry) sample.entry = e;
  if (weight) sample.weight = w;
  const auto ties = in_turn ? survival::HazardTies::in_turn : survival::HazardTies::together;
  auto h = without_gil(
      1, [&](const Execution& run) { return survival::nelson_aalen(sample, ties, run); });
  py::dict out;
  out["time"] = release_to_numpy(std::move(h.time));
  out["at_risk"] = release_to_numpy(std::move(h.at_risk));
  out["churned"] = release_to_numpy(std::move(h.churned));
  out["hazard"] = release_to_numpy(std::move(h.hazard));
  out["variance"] = release_to_numpy(std::move(h.variance));
  out["last_time"] = h.last_time;
  return out;
}

py::dict aalen_johansen(const Column<double>& duration, const Column<std::int32_t>& cause,
                        std::int32_t causes, const std::optional<Column<double>>& entry,
                        const std::optional<Column<double>>& weight) {
  const auto t = copy(duration, "duration");
  const auto c = copy(cause, "cause");
  const auto e = copy(entry, "entry"), w = copy(weight, "sample_weight");
  survival::CauseSample sample{t, c, causes};
  if (entry) sample.entry = e;
  if (weight) sample.weight = w;
  auto f =
      without_gil(1, [&](const Execution& run) { return survival::aalen_johansen(sample, run); });
  const auto table = [&](std::vector<double>&& values) {
    const auto rows = static_cast<py::ssize_t>(f.survival.size());
    return release_to_numpy(std::move(values)).reshape({rows, static_cast<py::ssize_t>(causes)});
  };
  py::dict out;
  out["events"] = table(std::move(f.events));
  out["incidence"] = table(std::move(f.incidence));
  out["variance"] = table(std::move(f.variance));
  out["time"] = release_to_numpy(std::move(f.time));
  out["at_risk"] = release_to_numpy(std::move(f.at_risk));
  out["survival"] = release_to_numpy(std::move(f.survival));
  out["last_time"] = f.last_time;
  return out;
}

py::tuple limits_of_deviations(const Column<double>& time, const Column<double>& survival,
                               const Column<double>& greenwood, const std::string& scale,
                               const Column<double>& deviation) {
  using survival::LimitScale;
  const LimitScale by = scale == "plain" ? LimitScale::plain
                        : scale == "log" ? LimitScale::log
                                         : LimitScale::log_log;
  const survival::CurveView curve{view(time, "time"), view(survival, "survival"),
                                  view(greenwood, "greenwood")};
  const auto half_width = view(deviation, "deviation");
  auto limits = without_gil(1, [&](const Execution& run) {
    return survival::limits_of_deviations(curve, by, half_width, run);
  });
  return py::make_tuple(release_to_numpy(std::move(limits.lower)),
                        release_to_numpy(std::move(limits.upper)));
}

py::dict turnbull(const Column<double>& lower, const Column<double>& upper,
                  const std::optional<Column<double>>& weight, std::int64_t max_iterations,
                  double tolerance) {
  const auto l = copy(lower, "lower"), u = copy(upper, "upper"), w = copy(weight, "sample_weight");
  survival::IntervalSample sample{l, u};
  if (weight) sample.weight = w;
  auto curve = without_gil(1, [&](const Execution& run) {
    return survival::turnbull(sample, {max_iterations, tolerance}, run);
  });
  py::dict out;
  out["left"] = release_to_numpy(std::move(curve.left));
  out["right"] = release_to_numpy(std::move(curve.right));
  out["mass"] = release_to_numpy(std::move(curve.mass));
  out["log_likelihood"] = curve.log_likelihood;
  out["gap"] = curve.gap;
  out["iterations"] = curve.iterations;
  out["converged"] = curve.converged;
  return out;
}

}  // namespace

void bind_survival_curves(py::module_& m) {
  m.def("nelson_aalen", &nelson_aalen, py::arg("duration").noconvert(),
        py::arg("churned").noconvert(), py::arg("entry").noconvert(),
        py::arg("sample_weight").noconvert(), py::arg("in_turn"));
  m.def("aalen_johansen", &aalen_johansen, py::arg("duration").noconvert(),
        py::arg("cause").noconvert(), py::arg("causes"), py::arg("entry").noconvert(),
        py::arg("sample_weight").noconvert());
  m.def("limits_of_deviations", &limits_of_deviations, py::arg("time").noconvert(),
        py::arg("survival").noconvert(), py::arg("greenwood").noconvert(), py::arg("scale"),
        py::arg("deviation").noconvert());
  m.def("turnbull", &turnbull, py::arg("lower").noconvert(), py::arg("upper").noconvert(),
        py::arg("sample_weight").noconvert(), py::arg("max_iterations"), py::arg("tolerance"));
  m.def("equal_precision_probability", &survival::equal_precision_probability, py::arg("c"),
        py::arg("a"), py::arg("b"));
  m.def("hall_wellner_probability", &survival::hall_wellner_probability, py::arg("c"), py::arg("a"),
        py::arg("b"));
  m.def("equal_precision_critical_value", &survival::equal_precision_critical_value,
        py::arg("level"), py::arg("a"), py::arg("b"));
  m.def("hall_wellner_critical_value", &survival::hall_wellner_critical_value, py::arg("level"),
        py::arg("a"), py::arg("b"));
}

}  // namespace tenure::python
