#include "clv_posterior.hpp"

#include <utility>

#include "tenure/optim/diagnostics.hpp"

namespace tenure::python {

std::vector<clv::PriorTerm> prior_terms(const std::vector<PriorTuple>& terms) {
  std::vector<clv::PriorTerm> out;
  for (const auto& [family, first, second, weight, of_sum] : terms) {
    using enum clv::PriorFamily;
    const auto kind = family == "log_normal"    ? log_normal
                      : family == "gamma"       ? gamma
                      : family == "half_normal" ? half_normal
                      : family == "beta"        ? beta
                                                : throw py::value_error("unknown prior " + family);
    out.push_back({kind, first, second, weight, of_sum});
  }
  return out;
}

namespace {

py::dict draws_to_python(optim::NutsDraws&& draws) {
  py::dict d;
  d["point"] = release_to_numpy(std::move(draws.point));
  d["log_density"] = release_to_numpy(std::move(draws.log_density));
  d["energy"] = release_to_numpy(std::move(draws.energy));
  d["depth"] = release_to_numpy(std::move(draws.depth));
  d["divergent"] = release_to_numpy(std::move(draws.divergent));
  d["step_size"] = release_to_numpy(std::move(draws.step_size));
  d["evaluations"] = draws.evaluations;
  return d;
}

}  // namespace

py::dict posterior_to_python(clv::PosteriorDraws&& draws) {
  py::dict d = draws_to_python(std::move(draws));
  d["mode"] = release_to_numpy(std::move(draws.mode));
  d["mode_found"] = draws.mode_found;
  return d;
}

py::dict group_posterior_to_python(clv::GroupPosteriorDraws&& draws) {
  py::dict d = draws_to_python(std::move(draws));
  d["mode_found"] = draws.mode_found;
  return d;
}

void add_posterior(py::module_& m) {
  m.def(
      "prior_log_density",
      [](const PriorTuple& term, const Column<double>& log_parameters) {
        const auto u = view(log_parameters, "log_parameters");
        const auto terms = prior_terms({term});
        clv::require_valid(terms, u.size());
        optim::Evaluation e{0.0, std::vector<double>(u.size()),
                            std::vector<double>(u.size() * u.size())};
        clv::add_log_density(terms.front(), u, e);
        return e.value;
      },
      py::arg("term"), py::arg("log_parameters").noconvert());
  m.def(
      "diagnose_chains",
      [](const Column<double>& value, std::int64_t chains) {
        const optim::ChainDraws draws{view(value, "value"), chains};
        if (chains < 1 || value.size() % chains != 0) throw py::value_error("ragged chains");
        const auto d = without_gil(1, [&](const Execution&) { return optim::diagnose(draws); });
        return py::make_tuple(d.rhat, d.ess_bulk, d.ess_tail, d.ess_mean, d.mcse);
      },
      py::arg("value").noconvert(), py::arg("chains"));
  m.def(
      "energy_fraction",
      [](const Column<double>& energy) { return optim::energy_fraction(view(energy, "energy")); },
      py::arg("energy").noconvert());
}

}  // namespace tenure::python
