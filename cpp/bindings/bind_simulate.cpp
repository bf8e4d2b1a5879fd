#include <pybind11/stl.h>

#include "arrays.hpp"
#include "execution.hpp"
#include "tenure/simulate/programmes.hpp"

namespace tenure::python {
namespace {

using namespace simulate;

TimeZone zone(const py::tuple& transitions) {
  const auto at = transitions[1].cast<Column<std::int64_t>>();
  const auto to = transitions[2].cast<Column<std::int64_t>>();
  return {transitions[0].cast<std::int64_t>(),
          {at.data(), at.data() + at.size()},
          {to.data(), to.data() + to.size()}};
}

Dropout dropout_of(const std::string& model) {
  if (model == "pareto_nbd") return Dropout::pareto_nbd;
  return model == "bg_nbd" ? Dropout::bg_nbd : Dropout::mbg_nbd;
}

/// The columns that programmes read; the arrays must outlive the call.
Members members_of(const py::dict& m) {
  Members out;
  out.first_order = view(m["first_order"].cast<Column<std::int64_t>>(), "first_order");
  out.dropout_time = view(m["dropout_time"].cast<Column<std::int64_t>>(), "dropout_time");
  out.rate = view(m["rate"].cast<Column<double>>(), "rate");
  out.mean_spend = view(m["mean_spend"].cast<Column<double>>(), "mean_spend");
  out.seed = m["seed"].cast<std::uint64_t>();
  out.end = m["end"].cast<std::int64_t>();
  out.whole_days = m["whole_days"].cast<bool>();
  out.timezone = zone(m["transitions"]);
  return out;
}

Population population_of(const py::dict& s, std::span<const Channel> channels) {
  Population out;
  out.customers = s["customers"].cast<std::int64_t>();
  out.seed = s["seed"].cast<std::uint64_t>();
  out.start = s["start"].cast<std::int64_t>();
  out.end = s["end"].cast<std::int64_t>();
  out.unit = s["unit"].cast<double>();
  out.arrivals = s["arrivals"].cast<double>();
  out.whole_days = s["whole_days"].cast<bool>();
  out.timezone = zone(s["transitions"]);
  out.dropout = dropout_of(s["model"].cast<std::string>());
  std::tie(out.r, out.alpha, out.dropout_first, out.dropout_second) =
      s["parameters"].cast<std::tuple<double, double, double, double>>();
  std::tie(out.p, out.q, out.gamma) = s["spend"].cast<std::tuple<double, double, double>>();
  out.scale = s["scale"].cast<double>();
  out.refunds = s["refunds"].cast<double>();
  out.refund_delay = s["refund_delay"].cast<double>();
  out.visits = s["visits"].cast<double>();
  if (!s["funnel"].is_none()) {
    const auto [lead, order, delay, visits] =
        s["funnel"].cast<std::tuple<double, double, double, double>>();
    out.funnel = Funnel{lead, order, delay, visits};
  }
  out.channels = channels;
  return out;
}

py::tuple base(const py::dict& settings, int threads) {
  std::vector<Channel> channels;
  for (const auto& [share, cost, multiplier] :
       settings["channels"].cast<std::vector<std::tuple<double, double, double>>>())
    channels.push_back({share, cost, multiplier});
  const auto population = population_of(settings, channels);
  auto b = without_gil(threads, [&](const Execution& e) { return simulate_base(population, e); });
  auto& c = b.customers;
  py::dict customers;
  customers["arrival"] = release_to_numpy(std::move(c.arrival));
  customers["first_order"] = release_to_numpy(std::move(c.first_order));
  customers["channel"] = release_to_numpy(std::move(c.channel));
  customers["rate"] = release_to_numpy(std::move(c.rate));
  customers["dropout"] = release_to_numpy(std::move(c.dropout));
  customers["dropout_time"] = release_to_numpy(std::move(c.dropout_time));
  customers["mean_spend"] = release_to_numpy(std::move(c.mean_spend));
  customers["orders"] = release_to_numpy(std::move(c.orders));
  py::dict events;
  events["customer"] = release_to_numpy(std::move(b.events.customer));
  events["time"] = release_to_numpy(std::move(b.events.time));
  events["event"] = release_to_numpy(std::move(b.events.kind));
  events["amount"] = release_to_numpy(std::move(b.events.amount));
  return py::make_tuple(customers, events);
}

py::tuple subscriptions(const py::dict& members, double share, double a, double b,
                        std::int64_t period, double price, int threads) {
  const auto m = members_of(members);
  auto s = without_gil(threads, [&](const Execution& e) {
    return simulate_subscriptions(m, {share, a, b, period, price}, e);
  });
  py::dict rows, events;
  rows["customer"] = release_to_numpy(std::move(s.customer));
  rows["start"] = release_to_numpy(std::move(s.start));
  rows["cancelled"] = release_to_numpy(std::move(s.cancelled));
  rows["renewals"] = release_to_numpy(std::move(s.renewals));
  rows["cancel_probability"] = release_to_numpy(std::move(s.cancel_probability));
  events["customer"] = release_to_numpy(std::move(s.event_customer));
  events["time"] = release_to_numpy(std::move(s.event_time));
  events["event"] = release_to_numpy(std::move(s.event_kind));
  events["amount"] = release_to_numpy(std::move(s.event_amount));
  return py::make_tuple(rows, events);
}

py::dict contacts(const py::dict& members, std::int64_t time, std::uint64_t index, double audience,
                  double control, double base, double uplift, double spread, double typical_rate,
                  double p, double scale, int threads) {
  const auto m = members_of(members);
  const Campaign campaign{time,   index,  audience,     control, base,
                          uplift, spread, typical_rate, p,       scale};
  auto c =
      without_gil(threads, [&](const Execution& e) { return simulate_contacts(m, campaign, e); });
  py::dict rows;
  rows["customer"] = release_to_numpy(std::move(c.customer));
  rows["treated"] = release_to_numpy(std::move(c.treated));
  rows["responded"] = release_to_numpy(std::move(c.responded));
  rows["revenue"] = release_to_numpy(std::move(c.revenue));
  rows["true_base"] = release_to_numpy(std::move(c.base));
  rows["true_uplift"] = release_to_numpy(std::move(c.uplift));
  return rows;
}

py::dict survey(const py::dict& members, std::int64_t time, std::uint64_t index, double response,
                std::pair<double, double> promoters, std::pair<double, double> detractors,
                int threads) {
  const auto m = members_of(members);
  const Survey s{time,
                 index,
                 response,
                 {promoters.first, promoters.second},
                 {detractors.first, detractors.second}};
  auto a = without_gil(threads, [&](const Execution& e) { return simulate_survey(m, s, e); });
  py::dict rows;
  rows["customer"] = release_to_numpy(std::move(a.customer));
  rows["nps"] = release_to_numpy(std::move(a.score));
  rows["csat"] = release_to_numpy(std::move(a.satisfaction));
  rows["active"] = release_to_numpy(std::move(a.active));
  return rows;
}

}  // namespace

void bind_simulate(py::module_& m) {
  m.def("base", &base, py::arg("settings"), py::arg("threads"));
  m.def("subscriptions", &subscriptions, py::arg("members"), py::arg("share"), py::arg("a"),
        py::arg("b"), py::arg("period"), py::arg("price"), py::arg("threads"));
  m.def("contacts", &contacts, py::arg("members"), py::arg("time"), py::arg("index"),
        py::arg("audience"), py::arg("control"), py::arg("base"), py::arg("uplift"),
        py::arg("spread"), py::arg("typical_rate"), py::arg("p"), py::arg("scale"),
        py::arg("threads"));
  m.def("survey", &survey, py::arg("members"), py::arg("time"), py::arg("index"),
        py::arg("response"), py::arg("promoters"), py::arg("detractors"), py::arg("threads"));
}

}  // namespace tenure::python
