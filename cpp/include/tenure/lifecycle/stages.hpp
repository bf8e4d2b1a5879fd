#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "tenure/lifecycle/facts.hpp"

namespace tenure::lifecycle {

/// The numbers that the rules compare with. Days are local days; they may be fractions, as
/// quantiles are interpolated.
struct Calibration {
  double new_days;                       ///< N
  double active_days;                    ///< A
  double lapsed_days;                    ///< L
  std::array<double, 2> frequency_cuts;  ///< of F: q50, q80
  std::array<double, 3> value_cuts;      ///< of M: q40, q60, q80; NaN without a repeater
  double mean_gap;                       ///< of all completed gaps; NaN without one
  std::int64_t gaps;                     ///< completed gaps behind A and L
  std::int64_t repeaters;                ///< customers behind the cuts
  bool fallback;                         ///< too few repeaters: A, L and the cuts of F are fixed
};

/// What the caller fixes; the rest is calibrated.
struct CalibrationOptions {
  double new_days = 30.0;
  std::optional<double> active_days = {};
  std::optional<double> lapsed_days = {};
  std::optional<std::array<double, 2>> frequency_cuts = {};
  std::optional<std::array<double, 3>> value_cuts = {};
  std::int64_t min_repeaters = 100;
};

/// What a calibration is made of.
struct CalibrationSample {
  std::vector<std::int64_t> gaps;    ///< by length in days: completed gaps of all customers
  std::vector<std::int64_t> orders;  ///< by F: repeaters with an order in the window
  std::vector<double> value;         ///< their M, in any order
  std::vector<double> idle_value;    ///< M of the repeaters without an order in the window
};

/// A = max(q80, N + 1) and L = max(q95, A + 1) of all completed gaps; cuts of F and M at quantiles
/// of the repeaters (n >= 2) with an order in the window. All quantiles interpolate linearly (type
/// 7). With fewer than `min_repeaters` of them: A = max(90, N + 1), L = max(180, A + 1), F cuts 2
/// and 4, M cuts at the quantiles of all repeaters.
///
/// O(customers). Throws InvalidInput unless 0 < N < A < L and cuts ascend.
Calibration calibrate(CalibrationSample&& sample, const CalibrationOptions& options,
                      const Execution& execution = {});
Calibration calibrate(const CustomerFacts& facts, const CalibrationOptions& options,
                      const Execution& execution = {});

/// One rule of a preset. Rules are tried in order; the first that holds gives the stage.
struct StageRule {
  std::string_view stage;
  std::string_view four_stage;  ///< of the four-stage model
  std::string_view classic;     ///< classic stage of the lifecycle
  std::string_view text;        ///< the condition, in the letters of `Calibration`
};

/// The rules of the preset "seed", in order. Every known customer meets one.
std::span<const StageRule> seed_rules();

/// Index of the first rule of `seed_rules` that holds, by customer code. `identified` says which
/// customers without an order have a contact key (1: lead, 0: visitor). O(customers).
std::vector<std::uint8_t> assign_stages(const CustomerFacts& facts, const Calibration& calibration,
                                        std::span<const std::uint8_t> identified);

}  // namespace tenure::lifecycle
