#include <pybind11/stl.h>

#include <optional>

#include "arrays.hpp"
#include "churn.hpp"
#include "execution.hpp"
#include "tenure/churn/cause_incidence.hpp"

namespace tenure::python {
namespace {

using Floats = Column<double>;
using MaybeFloats = std::optional<Floats>;

std::span<const double> given(const MaybeFloats& values, const char* name) {
  return values ? view(*values, name) : std::span<const double>();
}

py::tuple cause_incidence(const Floats& time, const Floats& hazard, const MaybeFloats& variance,
                          const MaybeFloats& mean, const MaybeFloats& covariance,
                          const Floats& risk, const Floats& x, const MaybeFloats& after,
                          const Floats& until, std::int64_t causes, int threads) {
  const churn::CauseBaselines base{causes,
                                   view(time, "time"),
                                   view(hazard, "hazard"),
                                   given(variance, "variance"),
                                   given(mean, "mean"),
                                   given(covariance, "covariance")};
  const churn::CauseProfiles profiles{view(risk, "risk"), view(x, "x"), given(after, "after")};
  const auto at = view(until, "until");
  auto found = without_gil(threads, [&](const Execution& execution) {
    return churn::cause_incidence(base, profiles, at, execution);
  });
  return py::make_tuple(release_to_numpy(std::move(found.incidence)),
                        release_to_numpy(std::move(found.survival)),
                        release_to_numpy(std::move(found.variance)));
}

}  // namespace

void bind_causes(py::module_& m) {
  using py::arg;
  m.def("cause_incidence", &cause_incidence, arg("time").noconvert(), arg("hazard").noconvert(),
        arg("variance").noconvert(), arg("mean").noconvert(), arg("covariance").noconvert(),
        arg("risk").noconvert(), arg("x").noconvert(), arg("after").noconvert(),
        arg("until").noconvert(), arg("causes"), arg("threads"));
}

}  // namespace tenure::python
