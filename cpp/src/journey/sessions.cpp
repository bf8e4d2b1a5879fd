#include "tenure/journey/sessions.hpp"

#include "tenure/events/scan.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::journey {
namespace {

class SessionScan {
 public:
  SessionScan(std::int64_t gap, const Execution& execution) : gap_(gap), execution_(&execution) {}

  void visit(const events::CustomerEvents& events) {
    if ((++visited_ & 1023) == 0) execution_->poll();
    const std::int64_t n = events.size();
    const std::int64_t* const time = events.time.data();
    std::int64_t first = 0;
    for (std::int64_t i = 1; i <= n; ++i) {
      if (i < n && time[i] - time[i - 1] <= gap_) continue;
      found_.customer.push_back(events.customer);
      found_.start.push_back(time[first]);
      found_.length.push_back(time[i - 1] - time[first]);
      found_.events.push_back(i - first);
      first = i;
    }
  }

  void merge(SessionScan&& later) {
    append(found_.customer, later.found_.customer);
    append(found_.start, later.found_.start);
    append(found_.length, later.found_.length);
    append(found_.events, later.found_.events);
  }

  Sessions finish() && { return std::move(found_); }

 private:
  static void append(std::vector<std::int64_t>& to, const std::vector<std::int64_t>& from) {
    to.insert(to.end(), from.begin(), from.end());
  }

  std::int64_t gap_;
  const Execution* execution_;
  std::int64_t visited_ = 0;
  Sessions found_;
};

}  // namespace

Sessions sessions(const events::EventLog& log, std::int64_t gap, const Execution& execution) {
  if (gap < 0) throw InvalidInput("gap", -1, static_cast<double>(gap), ">= 0");
  return events::run_scan(log, SessionScan(gap, execution), execution).finish();
}

}  // namespace tenure::journey
