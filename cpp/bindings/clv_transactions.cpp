#include "clv_transaction.hpp"
#include "tenure/clv/bg_nbd.hpp"
#include "tenure/clv/ggompertz_nbd.hpp"
#include "tenure/clv/mbg_nbd.hpp"
#include "tenure/clv/nbd.hpp"
#include "tenure/clv/pareto_nbd.hpp"

namespace tenure::python {

void add_transaction_models(py::module_& m) {
  add_transaction_model<clv::BgNbd>(m);
  add_transaction_model<clv::GGompertzNbd>(m);
  add_transaction_model<clv::MbgNbd>(m);
  add_transaction_model<clv::Nbd>(m);
  add_transaction_model<clv::ParetoNbd>(m);
}

}  // namespace tenure::python
