#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "churn.hpp"
#include "execution.hpp"
#include "tenure/churn/survival_measures.hpp"

namespace tenure::python {
namespace {

using namespace py::literals;
using churn::IpcwData;
using Floats = Column<double>;
using Flags = Column<std::uint8_t>;

/// Copies: what is ranked becomes a position after it was checked, while other threads may write.
template <class T>
std::vector<T> copied(std::span<const T> values) {
  return {values.begin(), values.end()};
}

/// The names of rules are checked by the Python layer.
std::unique_ptr<IpcwData> prepare(const Floats& duration, const Flags& churned,
                                  const std::optional<Floats>& weight,
                                  const std::optional<Floats>& train_duration,
                                  const std::optional<Flags>& train_churned, bool churn_first,
                                  bool before) {
  const auto t = copied(view(duration, "duration"));
  const auto c = copied(view(churned, "churned"));
  const auto w = weight ? copied(view(*weight, "sample_weight")) : std::vector<double>{};
  const auto train_t =
      train_duration ? copied(view(*train_duration, "train duration")) : std::vector<double>{};
  const auto train_c =
      train_churned ? copied(view(*train_churned, "train churned")) : std::vector<std::uint8_t>{};
  churn::LifetimeRows rows{t, c};
  if (weight) rows.weight = w;
  std::optional<churn::LifetimeRows> train;
  if (train_duration) train = churn::LifetimeRows{train_t, train_c};
  const auto ties = churn_first ? churn::CensoringTies::churn_first : churn::CensoringTies::strict;
  const auto limit = before ? churn::CensoringLimit::before : churn::CensoringLimit::at;
  return without_gil(1, [&](const Execution& run) {
    return std::make_unique<IpcwData>(churn::prepare_ipcw(rows, train, ties, limit, run));
  });
}

py::dict uno(const IpcwData& data, const Floats& score, double tau) {
  const auto s = copied(view(score, "score"));
  const auto found = without_gil(
      1, [&](const Execution& run) { return churn::uno_concordance(data, s, tau, run); });
  return py::dict("concordant"_a = found.concordant, "discordant"_a = found.discordant,
                  "tied_score"_a = found.tied_score, "value"_a = found.value,
                  "standard_error"_a = found.standard_error, "tau"_a = found.tau,
                  "churned"_a = found.churned);
}

py::dict auc(const IpcwData& data, const Floats& score, const Floats& times) {
  const auto s = copied(std::span{score.data(), static_cast<std::size_t>(score.size())});
  const auto t = view(times, "times");
  auto found =
      without_gil(1, [&](const Execution& run) { return churn::dynamic_auc(data, s, t, run); });
  return py::dict("value"_a = release_to_numpy(std::move(found.value)),
                  "standard_error"_a = release_to_numpy(std::move(found.standard_error)),
                  "churned"_a = release_to_numpy(std::move(found.churned)),
                  "beyond"_a = release_to_numpy(std::move(found.beyond)), "mean"_a = found.mean,
                  "mean_error"_a = found.mean_error);
}

py::tuple brier(const IpcwData& data, const Floats& survival, double t) {
  const auto s = view(survival, "survival");
  auto found =
      without_gil(1, [&](const Execution& run) { return churn::brier_at(data, s, t, run); });
  return py::make_tuple(found.score, found.null_score, release_to_numpy(std::move(found.influence)),
                        release_to_numpy(std::move(found.null_influence)));
}

py::array scorable(const IpcwData& data, const Floats& times, bool both) {
  std::vector<std::uint8_t> out;
  for (const churn::Scorable s : churn::scorable(data, view(times, "times"), both))
    out.push_back(static_cast<std::uint8_t>(s));
  return release_to_numpy(std::move(out));
}

py::tuple d_calibration(const Floats& survival, const Flags& churned,
                        const std::optional<Floats>& weight, std::int64_t bins) {
  const auto s = view(survival, "survival");
  const auto c = view(churned, "churned");
  std::optional<std::span<const double>> w;
  if (weight) w = view(*weight, "sample_weight");
  auto found = without_gil(
      1, [&](const Execution& run) { return churn::d_calibration(s, c, bins, w, run); });
  return py::make_tuple(release_to_numpy(std::move(found.expected_share)),
                        release_to_numpy(std::move(found.standard_error)), found.statistic,
                        found.wald);
}

}  // namespace

void bind_survival_measures(py::module_& m) {
  py::class_<IpcwData>(m, "IpcwData")
      .def(py::init(&prepare), py::arg("duration").noconvert(), py::arg("churned").noconvert(),
           py::arg("weight").noconvert(), py::arg("train_duration").noconvert(),
           py::arg("train_churned").noconvert(), py::arg("churn_first"), py::arg("before"))
      .def("uno_concordance", &uno, py::arg("score").noconvert(), py::arg("tau"))
      .def("dynamic_auc", &auc, py::arg("score").noconvert(), py::arg("times").noconvert())
      .def("brier_at", &brier, py::arg("survival").noconvert(), py::arg("t"))
      .def("scorable", &scorable, py::arg("times").noconvert(), py::arg("both"));
  m.def("d_calibration", &d_calibration, py::arg("survival").noconvert(),
        py::arg("churned").noconvert(), py::arg("sample_weight").noconvert(), py::arg("bins"));
}

}  // namespace tenure::python
