#include "tenure/simulate/programmes.hpp"

#include <cmath>
#include <vector>

#include "drawing.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::simulate {
namespace {

void require(bool holds, const char* argument, double value, const char* rule) {
  if (!holds) throw InvalidInput(argument, -1, value, rule);
}

void require_probability(const char* argument, double value) {
  require(value >= 0.0 && value <= 1.0, argument, value, "between 0 and 1");
}

void require_one_length(const Members& m) {
  const auto n = m.first_order.size();
  if (m.dropout_time.size() != n || m.rate.size() != n || m.mean_spend.size() != n)
    throw InvalidInput("members", -1, std::string("differ in length"));
}

std::int64_t size_of(const Members& m) { return static_cast<std::int64_t>(m.first_order.size()); }

struct SubscriptionBlock {
  std::vector<std::int64_t> customer, start, cancelled, renewals;
  std::vector<double> cancel_probability;
  std::vector<std::int64_t> event_customer, event_time;
  std::vector<std::uint8_t> event_kind;
  std::vector<double> event_amount;
};

struct ContactBlock {
  std::vector<std::int64_t> customer;
  std::vector<std::uint8_t> treated, responded;
  std::vector<double> revenue, base, uplift;
};

struct AnswerBlock {
  std::vector<std::int64_t> customer;
  std::vector<std::uint8_t> score, satisfaction, active;
};

}  // namespace

Subscriptions simulate_subscriptions(const Members& members, const Plan& plan,
                                     const Execution& execution) {
  require_one_length(members);
  require_probability("share", plan.share);
  require(std::isfinite(plan.a) && plan.a > 0.0, "a", plan.a, "finite and > 0");
  require(std::isfinite(plan.b) && plan.b > 0.0, "b", plan.b, "finite and > 0");
  require(plan.period > 0, "period", static_cast<double>(plan.period), "> 0");
  require(std::isfinite(plan.price) && plan.price >= 0.0, "price", plan.price, "finite and >= 0");
  std::int64_t earliest = members.end;
  for (const std::int64_t t : members.first_order) earliest = std::min(earliest, t);
  const LogClock clock(earliest, std::max(members.end, earliest + 1), 1.0, members.whole_days,
                       members.timezone);
  const std::uint64_t key = key_of(members.seed, Feature::subscriptions);

  auto blocks = draw_blocks<SubscriptionBlock>(
      size_of(members), execution, [&](SubscriptionBlock& out, std::int64_t i) {
        const std::int64_t start = members.first_order[i];
        if (start == kNever) return;
        RandomStream draw(key, static_cast<std::uint64_t>(i));
        if (draw.uniform() >= plan.share) return;
        const double theta = draw.beta(plan.a, plan.b);
        const auto event = [&](std::int64_t time, RenewalKind kind, double amount) {
          out.event_customer.push_back(i);
          out.event_time.push_back(clock.floored(time));
          out.event_kind.push_back(static_cast<std::uint8_t>(kind));
          out.event_amount.push_back(amount);
        };
        event(start, RenewalKind::start, plan.price);
        std::int64_t renewals = 0, cancelled = kNever;
        // `end - t > period` cannot overflow, `t + period < end` could.
        for (std::int64_t t = start; members.end - t > plan.period;) {
          t += plan.period;
          if (draw.uniform() < theta) {
            cancelled = clock.floored(t);
            event(t, RenewalKind::cancel, 0.0);
            break;
          }
          ++renewals;
          event(t, RenewalKind::renewal, plan.price);
        }
        out.customer.push_back(i);
        out.start.push_back(start);
        out.cancelled.push_back(cancelled);
        out.renewals.push_back(renewals);
        out.cancel_probability.push_back(theta);
      });
  using B = SubscriptionBlock;
  const auto column = [&](auto member) { return join(blocks, member, execution); };
  return {column(&B::customer),           column(&B::start),
          column(&B::cancelled),          column(&B::renewals),
          column(&B::cancel_probability), column(&B::event_customer),
          column(&B::event_time),         column(&B::event_kind),
          column(&B::event_amount)};
}

Contacts simulate_contacts(const Members& members, const Campaign& campaign,
                           const Execution& execution) {
  require_one_length(members);
  require_probability("audience", campaign.audience);
  require_probability("control", campaign.control);
  require_probability("base", campaign.base);
  require(campaign.uplift >= -1.0 && campaign.uplift <= 1.0, "uplift", campaign.uplift,
          "between -1 and 1");
  require(campaign.spread >= -1.0 && campaign.spread <= 1.0, "spread", campaign.spread,
          "between -1 and 1");
  require(campaign.typical_rate > 0.0, "typical_rate", campaign.typical_rate, "> 0");
  require(campaign.p > 0.0, "p", campaign.p, "> 0");
  const std::uint64_t key = key_of(members.seed, Feature::contacts, campaign.index);

  auto blocks = draw_blocks<ContactBlock>(
      size_of(members), execution, [&](ContactBlock& out, std::int64_t i) {
        if (members.first_order[i] >= campaign.time) return;
        RandomStream draw(key, static_cast<std::uint64_t>(i));
        if (draw.uniform() >= campaign.audience) return;
        const bool treated = draw.uniform() >= campaign.control;
        const bool active = members.dropout_time[i] > campaign.time;
        const double rate = members.rate[i];
        const double x = (rate - campaign.typical_rate) / (rate + campaign.typical_rate);
        const double base = active ? campaign.base : 0.0;
        const double effect = campaign.uplift * (1.0 + campaign.spread * x);
        const double uplift = active ? std::clamp(effect, -base, 1.0 - base) : 0.0;
        const bool responded = draw.uniform() < base + (treated ? uplift : 0.0);
        const double unit = members.mean_spend[i] / campaign.p;
        out.customer.push_back(i);
        out.treated.push_back(treated);
        out.responded.push_back(responded);
        out.revenue.push_back(responded ? money(draw.gamma(campaign.p) * unit, campaign.scale)
                                        : 0.0);
        out.base.push_back(base);
        out.uplift.push_back(uplift);
      });
  using B = ContactBlock;
  const auto column = [&](auto member) { return join(blocks, member, execution); };
  return {column(&B::customer), column(&B::treated), column(&B::responded),
          column(&B::revenue),  column(&B::base),    column(&B::uplift)};
}

Answers simulate_survey(const Members& members, const Survey& survey, const Execution& execution) {
  require_one_length(members);
  require_probability("response", survey.response);
  for (int active = 0; active < 2; ++active) {
    require_probability("promoters", survey.promoters[active]);
    require_probability("detractors", survey.detractors[active]);
    const double both = survey.promoters[active] + survey.detractors[active];
    require(both <= 1.0 + 1e-12, "promoters", both, "at most 1 together with the detractors");
  }
  const std::uint64_t key = key_of(members.seed, Feature::surveys, survey.index);

  auto blocks =
      draw_blocks<AnswerBlock>(size_of(members), execution, [&](AnswerBlock& out, std::int64_t i) {
        if (members.first_order[i] >= survey.time) return;
        RandomStream draw(key, static_cast<std::uint64_t>(i));
        if (draw.uniform() >= survey.response) return;
        const bool active = members.dropout_time[i] > survey.time;
        const double u = draw.uniform();
        const bool promoter = u < survey.promoters[active];
        const bool detractor = !promoter && u >= 1.0 - survey.detractors[active];
        const auto between = [&](std::uint64_t low, std::uint64_t high) {
          return static_cast<std::uint8_t>(low + draw.below(high - low + 1));
        };
        out.customer.push_back(i);
        out.score.push_back(promoter ? between(9, 10) : detractor ? between(0, 6) : between(7, 8));
        out.satisfaction.push_back(promoter    ? between(4, 5)
                                   : detractor ? between(1, 3)
                                               : between(3, 4));
        out.active.push_back(active);
      });
  using B = AnswerBlock;
  const auto column = [&](auto member) { return join(blocks, member, execution); };
  return {column(&B::customer), column(&B::score), column(&B::satisfaction), column(&B::active)};
}

}  // namespace tenure::simulate
