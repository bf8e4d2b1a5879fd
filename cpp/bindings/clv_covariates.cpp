#include "clv_covariates.hpp"

#include "tenure/clv/bg_nbd.hpp"
#include "tenure/clv/ggompertz_nbd.hpp"
#include "tenure/clv/mbg_nbd.hpp"
#include "tenure/clv/nbd.hpp"
#include "tenure/clv/pareto_nbd.hpp"

namespace tenure::python {

void add_covariate_models(py::module_& m) {
  add_covariate_model<clv::BgNbd>(m, clv::bg_nbd_rows());
  add_covariate_model<clv::GGompertzNbd>(m, clv::ggompertz_nbd_rows());
  add_covariate_model<clv::MbgNbd>(m, clv::mbg_nbd_rows());
  add_covariate_model<clv::Nbd>(m, clv::nbd_rows());
  add_covariate_model<clv::ParetoNbd>(m, clv::pareto_nbd_rows());
}

}  // namespace tenure::python
