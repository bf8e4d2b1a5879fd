#include "clv_transaction.hpp"
#include "tenure/clv/prospects.hpp"

namespace tenure::python {
namespace {

template <class Model, class Kernel>
void add(py::module_& m, const Kernel& kernel) {
  m.def((std::string(Model::kName) + "_prospects").c_str(),
        [kernel](const Column<double>& parameters, const Column<double>& frequency,
                 const Column<double>& recency, const Column<double>& age, double horizon,
                 double discount_rate, int threads) {
          const auto at = parameters_of<Model>(view(parameters, "parameters"));
          const auto purchases = view_purchases(frequency, recency, age);
          auto all = without_gil(threads, [&](const Execution& execution) {
            return kernel(at, purchases, horizon, discount_rate, execution);
          });
          return py::make_tuple(release_to_numpy(std::move(all.alive)),
                                release_to_numpy(std::move(all.expected)),
                                release_to_numpy(std::move(all.discounted)));
        },
        py::arg("parameters").noconvert(), py::arg("frequency").noconvert(),
        py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg("horizon"),
        py::arg("discount_rate"), py::arg("threads"));
}

}  // namespace

void add_prospects(py::module_& m) {
  add<clv::BgNbd>(m, clv::bg_nbd_prospects);
  add<clv::MbgNbd>(m, clv::mbg_nbd_prospects);
  add<clv::ParetoNbd>(m, clv::pareto_nbd_prospects);
}

}  // namespace tenure::python
