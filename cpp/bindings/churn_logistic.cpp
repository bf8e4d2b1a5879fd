#include <pybind11/stl.h>

#include <memory>

#include "arrays.hpp"
#include "churn.hpp"
#include "execution.hpp"
#include "tenure/churn/logistic.hpp"
#include "tenure/churn/logistic_likelihood.hpp"

namespace tenure::python {
namespace {

using namespace py::literals;
using churn::LogisticData;
using Floats = Column<double>;
using Flags = Column<std::uint8_t>;
using Codes = Column<std::int32_t>;

/// X is a view that the Python object keeps alive; the engine copies all else.
std::unique_ptr<LogisticData> prepare(const Floats& x, const Flags& event,
                                      const std::optional<Floats>& weight,
                                      const std::optional<Floats>& offset, bool intercept,
                                      bool centred, int threads) {
  if (x.ndim() != 2) throw py::value_error("X must be 2-D");
  churn::LogisticSample sample{
      {x.data(), static_cast<std::size_t>(x.size())}, x.shape(1), view(event, "y")};
  sample.weight = view(weight, "sample_weight");
  sample.offset = view(offset, "offset");
  sample.intercept = intercept;
  sample.centred = centred;
  return without_gil(threads, [&](const Execution& execution) {
    return std::make_unique<LogisticData>(churn::prepare_logistic(sample, execution));
  });
}

void require_terms(const LogisticData& data, std::size_t size, const char* argument) {
  if (static_cast<std::int64_t>(size) != data.terms)
    throw py::value_error(std::string(argument) + " must have one value a term");
}

py::dict fit(const LogisticData& data, bool firth, const std::optional<Floats>& ridge,
             const std::optional<Floats>& start, const std::optional<Flags>& held,
             std::int64_t max_iterations, double tolerance, int threads) {
  churn::LogisticSettings settings;
  settings.firth = firth;
  settings.ridge = view(ridge, "ridge").value_or(std::span<const double>{});
  settings.start = view(start, "start").value_or(std::span<const double>{});
  settings.held = view(held, "held").value_or(std::span<const std::uint8_t>{});
  if (ridge) require_terms(data, settings.ridge.size(), "ridge");
  if (start) require_terms(data, settings.start.size(), "start");
  if (held) require_terms(data, settings.held.size(), "held");
  settings.max_iterations = max_iterations;
  settings.tolerance = tolerance;
  auto found = without_gil(threads, [&](const Execution& execution) {
    return churn::fit_logistic(data, settings, execution);
  });
  return py::dict("status"_a = churn::logistic_status_name(found.status),
                  "beta"_a = release_to_numpy(std::move(found.beta)),
                  "covariance"_a = release_to_numpy(std::move(found.covariance)),
                  "log_likelihood"_a = found.log_likelihood, "penalised"_a = found.penalised,
                  "iterations"_a = found.iterations, "gradient_norm"_a = found.gradient_norm,
                  "direction"_a = release_to_numpy(std::move(found.direction)),
                  "separated"_a = found.separated,
                  "unidentified"_a = release_to_numpy(std::move(found.unidentified)));
}

py::tuple null(const LogisticData& data, int threads) {
  const auto found = without_gil(
      threads, [&](const Execution& execution) { return churn::logistic_null(data, execution); });
  return py::make_tuple(found.intercept, found.log_likelihood);
}

py::tuple point(const LogisticData& data, const Floats& beta, int threads) {
  const auto b = view(beta, "beta");
  require_terms(data, b.size(), "beta");
  auto found = without_gil(threads, [&](const Execution& execution) {
    return churn::logistic_at(data, b, churn::LogisticPass::information, execution);
  });
  return py::make_tuple(found.log_likelihood, release_to_numpy(std::move(found.score)),
                        release_to_numpy(std::move(found.information)));
}

py::array log_likelihoods(const LogisticData& data, const Floats& beta, int threads) {
  if (beta.ndim() != 2 || beta.shape(1) != data.terms)
    throw py::value_error("beta must have one column a term");
  const auto count = static_cast<std::size_t>(beta.shape(0));
  const auto terms = static_cast<std::size_t>(data.terms);
  return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
    std::vector<double> out(count);
    for (std::size_t k = 0; k < count; ++k)
      out[k] = churn::logistic_at(data, {beta.data() + k * terms, terms},
                                  churn::LogisticPass::value, execution)
                   .log_likelihood;
    return out;
  }));
}

py::array score_products(const LogisticData& data, const Floats& beta,
                         const std::optional<Codes>& cluster, std::int64_t clusters, int threads) {
  const auto b = view(beta, "beta");
  require_terms(data, b.size(), "beta");
  std::vector<std::int32_t> codes;
  if (cluster) {
    const auto given = view(*cluster, "clusters");
    codes.assign(given.begin(), given.end());
    if (std::ssize(codes) != data.rows) throw py::value_error("clusters must have one code a row");
    for (const auto c : codes)
      if (c < 0 || c >= clusters)
        throw py::value_error("clusters must be codes below their number");
  }
  return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
    return churn::logistic_score_products(data, b, codes, clusters, execution);
  }));
}

}  // namespace

void bind_logistic(py::module_& m) {
  const auto copy_of = [](std::vector<double> LogisticData::* column) {
    return [column](const LogisticData& d) {
      return release_to_numpy(std::vector<double>(d.*column));
    };
  };
  py::class_<LogisticData>(m, "LogisticData")
      .def(py::init(&prepare), "x"_a.noconvert(), "y"_a.noconvert(),
           py::arg("weight").noconvert().none(true), py::arg("offset").noconvert().none(true),
           "intercept"_a, "centred"_a, "threads"_a, py::keep_alive<1, 2>())
      .def_property_readonly("rows", [](const LogisticData& d) { return d.rows; })
      .def_property_readonly("terms", [](const LogisticData& d) { return d.terms; })
      .def_property_readonly("total_weight", [](const LogisticData& d) { return d.total_weight; })
      .def_property_readonly("event_weight", [](const LogisticData& d) { return d.event_weight; })
      .def_property_readonly("centre", copy_of(&LogisticData::centre))
      .def_property_readonly("scale", copy_of(&LogisticData::scale))
      .def_property_readonly("least", copy_of(&LogisticData::least))
      .def_property_readonly("most", copy_of(&LogisticData::most))
      .def("fit", &fit, "firth"_a, py::arg("ridge").noconvert().none(true),
           py::arg("start").noconvert().none(true), py::arg("held").noconvert().none(true),
           "max_iterations"_a, "tolerance"_a, "threads"_a)
      .def("null", &null, "threads"_a)
      .def("point", &point, "beta"_a.noconvert(), "threads"_a)
      .def("log_likelihoods", &log_likelihoods, "beta"_a.noconvert(), "threads"_a)
      .def("score_products", &score_products, "beta"_a.noconvert(),
           py::arg("cluster").noconvert().none(true), "clusters"_a, "threads"_a);
}

}  // namespace tenure::python
