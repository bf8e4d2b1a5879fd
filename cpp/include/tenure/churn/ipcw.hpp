#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenure/support/execution.hpp"

namespace tenure::churn {

/// Lifetimes of customers, one row each. Views.
struct LifetimeRows {
  std::span<const double> duration;                    ///< finite, >= 0
  std::span<const std::uint8_t> churned;               ///< 1: churn was seen at `duration`
  std::optional<std::span<const double>> weight = {};  ///< finite, >= 0, not all 0
};

/// Who of a churned and a censored customer of equal duration left first.
///   churn_first  the one who churned: the pair can be compared, and who churned is not at risk of
///                being censored at that time. R's survival and scikit-survival.
///   strict       neither: only strictly longer lives are compared, and both are at risk. The
///                definition of Uno et al. 2011.
enum class CensoringTies : std::uint8_t { churn_first, strict };

/// Which value of the censoring curve G weighs a churn at t: G(t-), the chance to be seen at t, or
/// G(t), which scikit-survival takes.
enum class CensoringLimit : std::uint8_t { before, at };

/// Distinct durations, ascending, and where each row's stands.
struct TimeSlots {
  std::vector<double> time;
  std::vector<std::size_t> of_row;
};

/// Rows that outlive the arrays they came from.
struct Lives {
  std::vector<double> duration, weight;
  std::vector<std::uint8_t> churned;
  TimeSlots slots;
  double total = 0.0;  ///< of the weights
};

/// A product-limit curve that can tell what a row's weight does to it. Its value after k factors is
/// that at every t with k distinct times up to it. [Kaplan & Meier 1958, JASA 53:457-481]
class ProductLimit {
 public:
  ProductLimit() = default;

  /// Of the rows with `churned == event`; the other ones are at risk at their own time or not.
  ProductLimit(const Lives& lives, std::uint8_t event, bool others_at_risk);

  std::size_t through(double t) const;  ///< factors at times <= t
  std::size_t before(double t) const;   ///< factors at times < t
  double value(std::size_t factors) const { return value_[factors]; }
  double last_time() const { return time_.back(); }

  /// For a statistic whose derivative by the logarithm of the value after k factors is slope[k],
  /// adds w_i times its derivative by the weight of row i to influence[i]. O(rows).
  void add_influence(const Lives& lives, std::span<const double> slope,
                     std::span<double> influence) const;

 private:
  std::uint8_t event_ = 0;
  bool others_at_risk_ = true;
  std::vector<double> time_, value_, at_event_, staying_;
};

/// What every measure weighted by the inverse chance of censoring starts from.
struct IpcwData {
  Lives lives;
  std::optional<Lives> train;  ///< whose censoring is taken; absent: that of `lives`
  ProductLimit censoring, churn;
  CensoringTies ties = CensoringTies::churn_first;
  std::vector<std::size_t> position;  ///< factors of G that weigh each row's churn
  std::vector<double> inverse;        ///< 1 / G there, 0 where G is 0 or not known
  double unknown_from = 0.0;          ///< the first churn that cannot be weighed; else infinite

  std::size_t rows() const { return lives.duration.size(); }
  /// Length of an influence: of rows, then of the rows of `train`.
  std::size_t influences() const { return rows() + (train ? train->duration.size() : 0); }
};

/// Checks and sorts. O(n log n). Throws InvalidInput for a bad row and for spans of unequal length.
IpcwData prepare_ipcw(const LifetimeRows& rows, const std::optional<LifetimeRows>& train,
                      CensoringTies ties, CensoringLimit limit, const Execution& execution = {});

/// Adds what the slopes by log G do through the estimate of G, to the part of the rows it is from.
void add_censoring_influence(const IpcwData& data, std::span<const double> slope,
                             std::span<double> influence);

/// Whether the measures can be told at a time.
enum class Scorable : std::uint8_t {
  yes,
  nobody_churned,  ///< by then
  nobody_beyond,   ///< was seen, or nobody's chance to be censored is known there
};

/// `both`: a measure that compares who churned by t with who was seen beyond it.
std::vector<Scorable> scorable(const IpcwData& data, std::span<const double> times, bool both);

}  // namespace tenure::churn
