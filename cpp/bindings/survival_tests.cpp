#include <pybind11/stl.h>

#include <map>
#include <string>

#include "arrays.hpp"
#include "execution.hpp"
#include "survival.hpp"
#include "tenure/survival/log_rank.hpp"
#include "tenure/survival/multiplicity.hpp"
#include "tenure/survival/proportion_test.hpp"

namespace tenure::python {
namespace {

/// Copies: another thread may write to the arrays while the GIL is released, and codes become
/// positions in an array after they were checked.
template <class T>
std::vector<T> copy(const Column<T>& values, const char* argument) {
  const auto view_of = view(values, argument);
  return {view_of.begin(), view_of.end()};
}

py::dict log_rank(const Column<double>& duration, const Column<std::uint8_t>& churned,
                  const Column<std::int32_t>& group, std::int32_t groups,
                  const std::optional<Column<double>>& entry,
                  const std::optional<Column<std::int32_t>>& stratum, std::int32_t strata,
                  const std::string& weights, double rho, double gamma,
                  const std::optional<Column<double>>& weight, bool robust) {
  using survival::RankWeight;
  static const std::map<std::string, RankWeight> kWeights{
      {"log_rank", RankWeight::log_rank},
      {"gehan", RankWeight::gehan},
      {"tarone_ware", RankWeight::tarone_ware},
      {"fleming_harrington", RankWeight::fleming_harrington}};
  const auto t = copy(duration, "duration");
  const auto c = copy(churned, "churned");
  const auto g = copy(group, "group");
  const auto e = entry ? copy(*entry, "entry") : std::vector<double>{};
  const auto s = stratum ? copy(*stratum, "stratum") : std::vector<std::int32_t>{};
  survival::GroupedSample sample{t, c, g, groups};
  if (entry) sample.entry = e;
  if (stratum) sample.stratum = s;
  sample.strata = strata;
  const auto w = weight ? copy(*weight, "sample_weight") : std::vector<double>{};
  if (weight) sample.weight = w;
  const survival::RankOptions options{kWeights.at(weights), rho, gamma, robust};
  auto test = without_gil(1, [&](const Execution& execution) {
    return survival::log_rank(sample, options, execution);
  });
  py::dict out;
  out["rows"] = release_to_numpy(std::move(test.rows));
  out["events"] = release_to_numpy(std::move(test.events));
  out["observed"] = release_to_numpy(std::move(test.observed));
  out["expected"] = release_to_numpy(std::move(test.expected));
  out["variance"] = release_to_numpy(std::move(test.variance));
  out["statistic"] = test.statistic;
  out["df"] = test.df;
  out["p_value"] = test.p_value;
  return out;
}

py::tuple compare_proportions(const Column<double>& k1, const Column<double>& n1,
                              const Column<double>& k2, const Column<double>& n2, double level) {
  auto d = survival::compare_proportions(
      {view(k1, "k1"), view(n1, "n1"), view(k2, "k2"), view(n2, "n2")}, level);
  return py::make_tuple(release_to_numpy(std::move(d.difference)),
                        release_to_numpy(std::move(d.lower)), release_to_numpy(std::move(d.upper)),
                        release_to_numpy(std::move(d.z)), release_to_numpy(std::move(d.p_value)));
}

py::tuple proportion_homogeneity(const Column<double>& k, const Column<double>& n,
                                 std::int64_t groups) {
  auto h = survival::proportion_homogeneity(view(k, "k"), view(n, "n"), groups);
  return py::make_tuple(release_to_numpy(std::move(h.statistic)), release_to_numpy(std::move(h.df)),
                        release_to_numpy(std::move(h.p_value)));
}

py::array_t<double> adjusted_p_values(const Column<double>& p, const std::string& correction) {
  using survival::Correction;
  static const std::map<std::string, Correction> kCorrections{
      {"none", Correction::none},
      {"holm", Correction::holm},
      {"benjamini_hochberg", Correction::benjamini_hochberg}};
  return release_to_numpy(survival::adjusted_p_values(view(p, "p"), kCorrections.at(correction)));
}

}  // namespace

void bind_survival_tests(py::module_& m) {
  m.def("log_rank", &log_rank, py::arg("duration").noconvert(), py::arg("churned").noconvert(),
        py::arg("group").noconvert(), py::arg("groups"), py::arg("entry").noconvert(),
        py::arg("stratum").noconvert(), py::arg("strata"), py::arg("weights"), py::arg("rho"),
        py::arg("gamma"), py::arg("sample_weight").noconvert(), py::arg("robust"));
  m.def("compare_proportions", &compare_proportions, py::arg("k1").noconvert(),
        py::arg("n1").noconvert(), py::arg("k2").noconvert(), py::arg("n2").noconvert(),
        py::arg("level"));
  m.def("proportion_homogeneity", &proportion_homogeneity, py::arg("k").noconvert(),
        py::arg("n").noconvert(), py::arg("groups"));
  m.def("adjusted_p_values", &adjusted_p_values, py::arg("p").noconvert(), py::arg("correction"));
}

}  // namespace tenure::python
