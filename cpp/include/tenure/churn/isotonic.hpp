#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/support/execution.hpp"

namespace tenure::churn {

/// A non-decreasing step function as its blocks, by ascending score. Neighbouring blocks differ in
/// value; every distinct score lies in exactly one block.
struct IsotonicBlocks {
  std::vector<double> first, last;  ///< lowest and highest score of the block
  std::vector<double> value;        ///< weighted mean of its targets, strictly ascending
  std::vector<double> weight;       ///< sum of its weights, > 0
};

/// The non-decreasing function of the score that is nearest to the targets in weighted squares, by
/// pooling adjacent violators [Ayer, Brunk, Ewing, Reid & Silverman 1955, AMS 26:641-647; Barlow,
/// Bartholomew, Bremner & Brunk 1972, ch. 1]. Equal scores share one value: they are pooled first.
/// For targets 0 and 1 it is also the non-decreasing function of highest likelihood.
///
/// O(n) beyond the sort of the scores, whose keys are sorted by radix. Sums are taken in the order
/// of scores, and of rows where scores are equal; of unit weights and targets 0 and 1 they and the
/// comparisons of means are exact below 94 million rows. Throws InvalidInput for columns that
/// differ in length or hold no row, a score or target that is not finite, a weight that is negative
/// or not finite, and weights that are all 0. Rows of weight 0 count as absent.
IsotonicBlocks isotonic(std::span<const double> score, std::span<const double> target,
                        std::span<const double> weight, const Execution& execution);

/// What `isotonic` gives at the forecasts `at` for outcomes drawn from the forecasts themselves:
/// replicates x at, row by row. Quantiles of a column are the consistency band of a reliability
/// diagram [Dimitriadis, Gneiting & Jordan 2021, PNAS 118:e2016191118, sect. 3]. The rows of one
/// replicate are drawn from its own stream of random numbers: same bits for every thread count.
/// O(n log n + replicates * n). Throws InvalidInput for probabilities outside [0, 1] or none, for
/// places that are not finite or do not ascend, and for fewer than 1 replicate.
std::vector<double> isotonic_consistency(std::span<const double> probability,
                                         std::span<const double> at, std::int64_t replicates,
                                         std::uint64_t seed, const Execution& execution);

}  // namespace tenure::churn
