#pragma once
#include <cstdint>
#include <vector>

#include "tenure/survival/fine_gray.hpp"

namespace tenure::survival {

/// A time at which someone is last seen, for whatever reason; its rows are [first, last).
struct Moment {
  double time;
  std::size_t first, last;
  double events, censored;  ///< weights of the cause of interest; censored
  double at_risk;           ///< weight under observation just before
  /// G(time-) H(time-), G the chance not yet to be censored, H to have entered, both up to a
  /// factor that no ratio knows: 1 at first.
  double observed;
  /// Entries from the moment before until this one: product of n / (n - e), with n at risk just
  /// after an entry of weight e, and sum of e / n^2.
  double gained, entry_hazard;
};

/// The rows of a sample in ascending time of exit, with all that does not depend on coefficients.
class FineGrayRows {
 public:
  /// Throws InvalidInput as `fine_gray` does.
  FineGrayRows(const FineGraySample& sample, const Execution& execution);

  std::size_t n, p;
  Standard standard;
  std::vector<double> x;  ///< standardised
  std::vector<double> weight;
  std::vector<std::uint8_t> cause;
  std::vector<std::size_t> moment;  ///< of the exit
  std::vector<std::size_t> slot;    ///< how many moments are over when the row enters
  std::vector<std::size_t> late;    ///< rows of slot > 0, ascending in entry
  /// Of each of `late`: 1 / n of its own entry and e / n^2 of those before it in its slot, summed.
  std::vector<double> entry_share;
  std::vector<Moment> moments;
  double events = 0.0;

 private:
  void take_exits(const FineGraySample& sample, const Execution& execution);
  void take_entries(std::span<const double> entry, const Execution& execution);
  void count_at_risk(const Execution& execution);
  void weigh();

  std::vector<std::int64_t> row_;  ///< in the sample
  std::vector<double> late_at_;    ///< entries of `late`
};

}  // namespace tenure::survival
