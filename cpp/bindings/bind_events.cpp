#include <pybind11/stl.h>

#include "arrays.hpp"
#include "execution.hpp"
#include "tenure/events/append.hpp"
#include "tenure/events/arrow_import.hpp"
#include "tenure/events/clean.hpp"
#include "tenure/events/contract_spells.hpp"
#include "tenure/events/features.hpp"
#include "tenure/events/filter.hpp"
#include "tenure/events/index.hpp"
#include "tenure/events/order_table.hpp"
#include "tenure/events/restore.hpp"
#include "tenure/events/slice.hpp"
#include "tenure/events/summary.hpp"
#include "tenure/events/summary_panel.hpp"

namespace tenure::python {
namespace {

using events::EventLog;

/// The struct inside an `arrow_array_stream` capsule; its consumer takes it over, so that a second
/// use of the capsule finds it released.
ArrowArrayStream* stream_of(const py::capsule& capsule) {
  if (std::string_view(capsule.name() ? capsule.name() : "") != "arrow_array_stream")
    throw InvalidInput("data", -1, std::string("is no capsule of an Arrow array stream"));
  auto* stream = capsule.get_pointer<ArrowArrayStream>();
  if (!stream->release)
    throw InvalidInput("data", -1, std::string("is an Arrow stream that was already consumed"));
  return stream;
}

py::object finding(const events::Finding& f) {
  const auto shown = std::min<std::int64_t>(f.count, events::Finding::kShown);
  return py::make_tuple(f.count,
                        std::vector<std::int64_t>(f.first.begin(), f.first.begin() + shown));
}

py::dict report(const events::DataReport& r) {
  py::dict d;
  d["rows"] = r.rows;
  d["kept"] = r.kept;
  d["missing_customer"] = finding(r.missing_customer);
  d["missing_time"] = finding(r.missing_time);
  d["impossible_time"] = finding(r.impossible_time);
  d["missing_amount"] = finding(r.missing_amount);
  d["infinite_amount"] = finding(r.infinite_amount);
  d["after_end"] = finding(r.after_end);
  d["refund"] = finding(r.refund);
  return d;
}

py::tuple text(events::TextTable&& table) {
  return py::make_tuple(release_to_numpy(std::move(table.offset)),
                        release_to_numpy(std::move(table.bytes)));
}

TimeZone zone(std::int64_t initial, const Column<std::int64_t>& at,
              const Column<std::int64_t>& to) {
  return {initial, {at.data(), at.data() + at.size()}, {to.data(), to.data() + to.size()}};
}

/// Imported rows wait here while Python decides which event names are orders and what an invalid
/// cell means; the batches that they point into stay alive with them.
struct Import {
  events::ArrowBatches batches;
  std::optional<events::ArrowBatches> customers;
  events::ImportedEvents rows;
  TimeZone timezone;
};

std::unique_ptr<Import> import_rows(const py::capsule& stream, const std::string& customer,
                                    const std::string& time, const std::string& amount,
                                    const std::string& event,
                                    const std::vector<std::string>& properties,
                                    const TimeZone& timezone, const std::string& ambiguous,
                                    const std::optional<py::capsule>& customers, int threads) {
  const events::ImportOptions options{customer,
                                      time,
                                      amount,
                                      event,
                                      properties,
                                      timezone,
                                      ambiguous == "earliest" ? events::AmbiguousTime::earlier
                                      : ambiguous == "latest" ? events::AmbiguousTime::later
                                                              : events::AmbiguousTime::raise};
  ArrowArrayStream* rows = stream_of(stream);
  ArrowArrayStream* table = customers ? stream_of(*customers) : nullptr;
  return without_gil(threads, [&](const Execution& execution) {
    std::unique_ptr<Import> result(new Import{{rows, execution}, {}, {}, timezone});
    std::optional<events::CustomerTable> with;
    if (table) with.emplace(&result->customers.emplace(table, execution), customer);
    result->rows =
        events::import_events(result->batches, options, with ? &*with : nullptr, execution);
    return result;
  });
}

py::tuple index_rows(Import& import, const std::vector<std::uint8_t>& order_event,
                     bool drop_invalid, bool drop_refunds, std::optional<std::int64_t> until,
                     int threads) {
  events::CleanRows clean;
  events::Index index;
  without_gil(threads, [&](const Execution& execution) {
    clean = events::clean(import.rows.chunks, {drop_invalid, drop_refunds, until, order_event},
                          execution);
    const auto& r = clean.report;
    if (!drop_invalid && r.missing_customer.count + r.missing_time.count + r.impossible_time.count +
                                 r.missing_amount.count + r.infinite_amount.count >
                             0)
      return;  // Python raises from the report
    index = events::with_customers(
        events::index_events(clean.chunks, import.rows.property, execution), import.rows.table_ids);
  });
  if (index.log.offset.empty()) return py::make_tuple(report(clean.report), py::none(), py::none());
  index.log.order_event = order_event;
  index.log.timezone = import.timezone;
  auto log = std::make_shared<EventLog>(std::move(index.log));
  return py::make_tuple(report(clean.report), log, release_to_numpy(std::move(index.customer_id)));
}

py::dict columns(events::Summary&& s) {
  py::dict d;
  d["customer"] = release_to_numpy(std::move(s.customer));
  d["frequency"] = release_to_numpy(std::move(s.frequency));
  d["recency"] = release_to_numpy(std::move(s.recency));
  d["T"] = release_to_numpy(std::move(s.age));
  d["monetary_value"] = release_to_numpy(std::move(s.monetary_value));
  d["revenue"] = release_to_numpy(std::move(s.revenue));
  d["first_order"] = release_to_numpy(std::move(s.first_order));
  d["last_order"] = release_to_numpy(std::move(s.last_order));
  d["log_gaps"] = release_to_numpy(std::move(s.log_gaps));
  return d;
}

py::dict summary(const EventLog& log, std::optional<Period> collapse, double unit_days,
                 bool unit_is_collapse, std::int64_t end, bool log_gaps, int threads) {
  return columns(without_gil(threads, [&](const Execution& execution) {
    return events::summarise(log, {collapse, unit_days, unit_is_collapse, end, log_gaps},
                             execution);
  }));
}

py::tuple summaries(const EventLog& log, std::optional<Period> collapse, double unit_days,
                    bool unit_is_collapse, const std::vector<std::int64_t>& ends, int threads) {
  auto panel = without_gil(threads, [&](const Execution& execution) {
    return events::summarise_at(log, {collapse, unit_days, unit_is_collapse, 0}, ends, execution);
  });
  return py::make_tuple(columns(std::move(panel.rows)), release_to_numpy(std::move(panel.first)));
}

py::dict order_gaps(const EventLog& log, std::optional<Period> collapse, double unit_days,
                    bool unit_is_collapse, std::int64_t end, int threads) {
  auto gaps = without_gil(threads, [&](const Execution& execution) {
    return events::order_gaps(log, {collapse, unit_days, unit_is_collapse, end}, execution);
  });
  py::dict d;
  d["customer"] = release_to_numpy(std::move(gaps.customer));
  d["number"] = release_to_numpy(std::move(gaps.number));
  d["from"] = release_to_numpy(std::move(gaps.from));
  d["length"] = release_to_numpy(std::move(gaps.length));
  d["ended"] = release_to_numpy(std::move(gaps.ended));
  return d;
}

py::dict order_periods(const EventLog& log, Period period, std::optional<Period> collapse,
                       std::int64_t end, int threads) {
  auto table = without_gil(threads, [&](const Execution& execution) {
    auto rows = events::order_periods(log, period, collapse, end, execution);
    for (std::int64_t& p : rows.period.span()) p = first_day_of_period(p, period);
    return rows;
  });
  py::dict d;
  d["customer"] = release_to_numpy(std::move(table.customer));
  d["first_day"] = release_to_numpy(std::move(table.period));
  d["orders"] = release_to_numpy(std::move(table.orders));
  d["revenue"] = release_to_numpy(std::move(table.revenue));
  return d;
}

py::tuple features(const EventLog& log, std::vector<std::int64_t> at,
                   std::vector<std::int64_t> windows, std::vector<std::uint16_t> named,
                   int threads) {
  const events::FeatureOptions options{std::move(at), std::move(windows), std::move(named)};
  auto table = without_gil(threads, [&](const Execution& execution) {
    return events::features(log, options, execution);
  });
  py::list columns;
  const auto names = events::feature_columns(log, options);
  for (std::size_t f = 0; f < names.size(); ++f)
    columns.append(py::make_tuple(names[f].what, names[f].window, names[f].event,
                                  release_to_numpy(std::move(table.columns[f]))));
  return py::make_tuple(release_to_numpy(std::move(table.first)),
                        release_to_numpy(std::move(table.customer)), columns);
}

py::tuple contract_spells(const EventLog& log, Period period, const std::vector<int>& role,
                          std::int64_t term, int threads) {
  events::SpellOptions options{{}, period, term};
  for (const int r : role) options.role.push_back(static_cast<events::ContractRole>(r));
  auto found = without_gil(threads, [&](const Execution& execution) {
    return events::contract_spells(log, options, execution);
  });
  return py::make_tuple(
      release_to_numpy(std::move(found.customer)), release_to_numpy(std::move(found.start)),
      release_to_numpy(std::move(found.end)), release_to_numpy(std::move(found.how)));
}

py::tuple sliced(events::Slice&& part) {
  return py::make_tuple(std::make_shared<EventLog>(std::move(part.log)),
                        release_to_numpy(std::move(part.customer)));
}

/// The memory of an array, borrowed: the array stays alive with the buffer.
template <class T>
Buffer<T> borrowed(const Column<T>& values, const char* name) {
  const auto seen = view(values, name);
  std::shared_ptr<const void> lender(new py::object(values), [](const void* owner) {
    py::gil_scoped_acquire gil;
    delete static_cast<const py::object*>(owner);
  });
  return Buffer<T>::borrowed(seen.data(), std::ssize(seen), std::move(lender));
}

std::shared_ptr<EventLog> restore(
    const Column<std::int64_t>& offset, const Column<std::int64_t>& time,
    const std::optional<Column<double>>& amount, const std::optional<Column<std::uint16_t>>& event,
    const std::vector<Column<std::int32_t>>& property,
    const std::vector<std::int64_t>& property_values, const std::vector<std::uint8_t>& order_event,
    const TimeZone& timezone, std::int64_t from, std::int64_t until, int threads) {
  auto log = std::make_shared<EventLog>();
  log->offset = borrowed(offset, "offset");
  log->time = borrowed(time, "time");
  if (amount) log->amount = borrowed(*amount, "amount");
  if (event) log->event = borrowed(*event, "event");
  for (const auto& p : property) log->property.push_back(borrowed(p, "property"));
  log->order_event = order_event;
  log->timezone = timezone;
  log->observed_from = from;
  log->observed_until = until;
  without_gil(threads, [&](const Execution& execution) {
    events::require_valid(*log, property_values, execution);
  });
  return log;
}

using Codes = std::tuple<std::shared_ptr<EventLog>, Column<std::int64_t>, Column<std::uint16_t>,
                         std::vector<Column<std::int32_t>>>;

/// The settings are those of the first segment.
std::shared_ptr<EventLog> joined(const std::vector<Codes>& segments, std::int64_t customers,
                                 const std::vector<std::uint8_t>& order_event, std::int64_t from,
                                 std::int64_t until, int threads) {
  std::vector<events::Segment> views;
  for (const auto& [log, customer, event, property] : segments) {
    events::Segment segment{log.get(), view(customer, "customer"), view(event, "event"), {}};
    for (const auto& codes : property) segment.property.push_back(view(codes, "property"));
    views.push_back(std::move(segment));
  }
  auto log = without_gil(threads, [&](const Execution& execution) {
    return std::make_shared<EventLog>(events::joined(views, customers, execution));
  });
  log->timezone = views.front().log->timezone;
  log->order_event = order_event;
  log->observed_from = from;
  log->observed_until = until;
  return log;
}

/// A read-only array over memory of the log, which stays alive with the array.
template <class T>
py::array_t<T> column(const std::shared_ptr<EventLog>& log, const Buffer<T>& values) {
  py::array_t<T> array(values.size(), values.data(), py::cast(log));
  array.attr("setflags")(py::arg("write") = false);
  return array;
}

}  // namespace

void bind_events(py::module_& m) {
  py::enum_<Period>(m, "Period")
      .value("day", Period::day)
      .value("week", Period::week)
      .value("month", Period::month)
      .value("quarter", Period::quarter)
      .value("year", Period::year);

  py::class_<TimeZone>(m, "TimeZone")
      .def(py::init(&zone), py::arg("initial_offset"), py::arg("transition").noconvert(),
           py::arg("offset").noconvert())
      .def("offset_at", &TimeZone::offset_at, py::arg("utc"))
      .def("start_of_day", &TimeZone::start_of_day, py::arg("day"))
      .def("local_day", &TimeZone::local_day, py::arg("utc"));

  py::class_<EventLog, std::shared_ptr<EventLog>>(m, "EventLog")
      .def_property_readonly("customers", &EventLog::customers)
      .def_property_readonly("rows", &EventLog::rows)
      .def_property_readonly("has_amount", &EventLog::has_amount)
      .def_property_readonly("has_event", &EventLog::has_event)
      .def_readwrite("observed_from", &EventLog::observed_from)
      .def_readwrite("observed_until", &EventLog::observed_until)
      .def_property_readonly(
          "offset", [](const std::shared_ptr<EventLog>& log) { return column(log, log->offset); })
      .def_property_readonly(
          "time", [](const std::shared_ptr<EventLog>& log) { return column(log, log->time); })
      .def_property_readonly(
          "amount", [](const std::shared_ptr<EventLog>& log) { return column(log, log->amount); })
      .def_property_readonly(
          "event", [](const std::shared_ptr<EventLog>& log) { return column(log, log->event); })
      .def(
          "property",
          [](const std::shared_ptr<EventLog>& log, std::size_t p) {
            return column(log, log->property.at(p));
          },
          py::arg("p"));

  py::class_<Import>(m, "Import")
      .def_property_readonly("rows", [](const Import& i) { return i.batches.rows(); })
      .def_property_readonly("text_ids", [](const Import& i) { return i.rows.text_ids; })
      .def_property_readonly("unsigned_ids", [](const Import& i) { return i.rows.unsigned_ids; })
      .def("take_table_ids",
           [](Import& i) { return release_to_numpy(std::move(i.rows.table_ids)); })
      .def("take_customer_text", [](Import& i) { return text(std::move(i.rows.customer_text)); })
      .def("take_event_text", [](Import& i) { return text(std::move(i.rows.event_text)); })
      .def(
          "take_property_text",
          [](Import& i, std::size_t p) { return text(std::move(i.rows.property_text.at(p))); },
          py::arg("p"));

  m.def("import_rows", &import_rows, py::arg("stream"), py::arg("customer"), py::arg("time"),
        py::arg("amount"), py::arg("event"), py::arg("properties"), py::arg("timezone"),
        py::arg("ambiguous"), py::arg("customers"), py::arg("threads"));
  m.def("index_rows", &index_rows, py::arg("rows"), py::arg("order_event"), py::arg("drop_invalid"),
        py::arg("drop_refunds"), py::arg("until"), py::arg("threads"));
  m.def(
      "match_refunds",
      [](const EventLog& log, int threads) {
        auto whole = without_gil(threads, [&](const Execution& execution) {
          return events::match_refunds(log, execution);
        });
        return py::make_tuple(std::make_shared<EventLog>(std::move(whole.log)), whole.matched,
                              whole.unmatched);
      },
      py::arg("log"), py::arg("threads"));
  m.def(
      "slice_time",
      [](const EventLog& log, std::int64_t from, std::int64_t until, bool keep_silent,
         int threads) {
        return sliced(without_gil(threads, [&](const Execution& execution) {
          return events::slice_time(log, from, until, keep_silent, execution);
        }));
      },
      py::arg("log"), py::arg("start"), py::arg("until"), py::arg("keep_silent"),
      py::arg("threads"));
  m.def(
      "filter_rows",
      [](const EventLog& log, std::vector<std::uint8_t> event,
         const std::vector<std::tuple<std::size_t, std::vector<std::uint8_t>, bool>>& property,
         const Column<std::uint8_t>& customer, std::pair<double, double> amount,
         std::pair<std::int64_t, std::int64_t> time, bool keep_customers, int threads) {
        events::RowFilter filter;
        filter.event = std::move(event);
        for (const auto& [index, allowed, missing] : property)
          filter.property.push_back({index, allowed, missing});
        filter.customer.assign(customer.data(), customer.data() + customer.size());
        std::tie(filter.least_amount, filter.most_amount) = amount;
        std::tie(filter.from, filter.until) = time;
        return sliced(without_gil(threads, [&](const Execution& execution) {
          return events::filter_rows(log, filter, keep_customers, execution);
        }));
      },
      py::arg("log"), py::arg("event"), py::arg("property"), py::arg("customer").noconvert(),
      py::arg("amount"), py::arg("time"), py::arg("keep_customers"), py::arg("threads"));
  m.def("summary", &summary, py::arg("log"), py::arg("collapse"), py::arg("unit_days"),
        py::arg("unit_is_collapse"), py::arg("end"), py::arg("log_gaps"), py::arg("threads"));
  m.def("restore", &restore, py::arg("offset").noconvert(), py::arg("time").noconvert(),
        py::arg("amount").noconvert(), py::arg("event").noconvert(),
        py::arg("property").noconvert(), py::arg("property_values"), py::arg("order_event"),
        py::arg("timezone"), py::arg("observed_from"), py::arg("observed_until"),
        py::arg("threads"));
  m.def("joined", &joined, py::arg("segments"), py::arg("customers"), py::arg("order_event"),
        py::arg("observed_from"), py::arg("observed_until"), py::arg("threads"));
  m.def("features", &features, py::arg("log"), py::arg("at"), py::arg("windows"), py::arg("events"),
        py::arg("threads"));
  m.def("contract_spells", &contract_spells, py::arg("log"), py::arg("period"), py::arg("role"),
        py::arg("term"), py::arg("threads"));
  m.def("summaries", &summaries, py::arg("log"), py::arg("collapse"), py::arg("unit_days"),
        py::arg("unit_is_collapse"), py::arg("ends"), py::arg("threads"));
  m.def("order_gaps", &order_gaps, py::arg("log"), py::arg("collapse"), py::arg("unit_days"),
        py::arg("unit_is_collapse"), py::arg("end"), py::arg("threads"));
  m.def("order_periods", &order_periods, py::arg("log"), py::arg("period"), py::arg("collapse"),
        py::arg("end"), py::arg("threads"));
}

}  // namespace tenure::python
