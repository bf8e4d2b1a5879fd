#include "arrays.hpp"
#include "tenure/special/beta.hpp"
#include "tenure/special/chi_square.hpp"
#include "tenure/special/gamma.hpp"
#include "tenure/special/gamma_cross.hpp"
#include "tenure/special/hypergeometric.hpp"
#include "tenure/special/incomplete_beta.hpp"

namespace tenure::python {
namespace {

/// Element by element over columns of one length. For tests of the functions from Python.
template <class Function, class... Columns>
py::array_t<double> map(const Function& function, const Column<double>& first,
                        const Columns&... more) {
  const auto check = [&](const auto& c) {
    if (c.ndim() != 1 || c.size() != first.size()) throw py::value_error("columns differ in shape");
  };
  check(first);
  (check(more), ...);
  py::array_t<double> out(first.size());
  double* const values = out.mutable_data();
  for (py::ssize_t i = 0; i < first.size(); ++i)
    values[i] = function(first.data()[i], more.data()[i]...);
  return out;
}

template <double (*function)(double)>
void bind1(py::module_& m, const char* name) {
  m.def(name, [](const Column<double>& x) { return map(function, x); }, py::arg("x").noconvert());
}

template <double (*function)(double, double)>
void bind2(py::module_& m, const char* name, const char* first, const char* second) {
  m.def(
      name, [](const Column<double>& x, const Column<double>& y) { return map(function, x, y); },
      py::arg(first).noconvert(), py::arg(second).noconvert());
}

}  // namespace

void bind_special(py::module_& m) {
  bind1<special::lgamma>(m, "lgamma");
  bind1<special::digamma>(m, "digamma");
  bind1<special::trigamma>(m, "trigamma");
  bind2<special::gamma_q>(m, "gamma_q", "a", "x");
  bind2<special::chi_square_survival>(m, "chi_square_survival", "x", "df");
  bind2<special::log_beta>(m, "log_beta", "a", "b");
  bind2<special::log_gamma_ratio>(m, "log_gamma_ratio", "x", "n");
  m.def(
      "incomplete_beta",
      [](const Column<double>& a, const Column<double>& b, const Column<double>& x) {
        return map(special::incomplete_beta, a, b, x);
      },
      py::arg("a").noconvert(), py::arg("b").noconvert(), py::arg("x").noconvert());
  m.def(
      "log_gamma_cross",
      [](const Column<double>& p, const Column<double>& a, const Column<double>& x) {
        return map(special::log_gamma_cross, p, a, x);
      },
      py::arg("p").noconvert(), py::arg("a").noconvert(), py::arg("x").noconvert());
  m.def(
      "log_hyp2f1",
      [](const Column<double>& a, const Column<double>& b, const Column<double>& c,
         const Column<double>& z) { return map(special::log_hyp2f1, a, b, c, z); },
      py::arg("a").noconvert(), py::arg("b").noconvert(), py::arg("c").noconvert(),
      py::arg("z").noconvert());
}

}  // namespace tenure::python
