#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tenure/support/execution.hpp"

namespace tenure::lifecycle {

enum class Reach : std::uint8_t { reached, target, no_path };

struct Absorption {
  std::vector<Reach> status;
  std::vector<double> probability;  ///< of ever coming into the target; 1 in it
  std::vector<double> periods;      ///< expected until then, of those who come; 0 in it
};

/// First passage of a Markov chain into the target states: h = P h with h = 1 in the target, and
/// the mean time of the chain that is conditioned on arriving, by elimination without subtraction,
/// so that the relative error stays near rounding however rarely a state is left [Grassmann, Taksar
/// & Heyman 1985, Operations Research 33:1107; O'Cinneide 1993, Numerische Mathematik 65:109]. Rows
/// sum to 1; a row of zeros is left by nobody. States without a path have probability 0, NaN
/// periods. O(states^3). Throws InvalidInput for a matrix that is none.
Absorption absorb(std::span<const double> transition, std::span<const std::uint8_t> target);

struct ChainDraws {
  std::int64_t draws = 1000;
  std::uint64_t seed = 0;
};

/// `draws` matrices whose row i is Dirichlet(weight_i1, ...): draws x rows x columns. Weights of 0
/// give 0; a row of zeros stays zero. Same bits for any thread count.
std::vector<double> draw_matrices(std::span<const double> weight, std::int64_t rows,
                                  std::int64_t columns, const ChainDraws& draws,
                                  const Execution& execution);

/// What a forecast starts from. States as in MoveCounts: S = stages + 1, the last is outside.
struct ForecastStart {
  std::span<const std::int64_t> sizes;    ///< by stage
  std::span<const double> weight;         ///< S x S: of the Dirichlet of each row
  std::span<const double> concentration;  ///< S: of a period's row about its mean; inf: no spread
  std::span<const double> births;         ///< of past periods; or, with `births_given`, to come
  bool births_given = false;
  std::span<const double> value, value_error, value_spread;  ///< S each; empty: no revenue
};

struct ForecastDraws {
  std::vector<double> sizes;    ///< draws x (periods + 1) x stages
  std::vector<double> births;   ///< draws x periods
  std::vector<double> revenue;  ///< draws x periods; empty without values
};

/// Draws of the sizes of stages to come. In each draw the transition matrix and the mean number of
/// births are drawn once, for what is not known of them; then customers move by multinomials.
/// Births are round(max(0, m* + s z)), m* = m + t s / sqrt(periods) with Student's t of periods -
/// 1, s^2 the larger of their variance and their mean; of a single period s^2 = m and m* = m.
/// Revenue of a period: sum of size x (value + error z) + spread x sqrt(size) z', stages at its
/// start, births with the last state. Binomials are exact below a variance of 400, rounded normals
/// above. O(draws x periods x S^2). Same bits for any thread count.
ForecastDraws forecast_chain(const ForecastStart& start, std::int64_t periods,
                             const ChainDraws& draws, const Execution& execution);

}  // namespace tenure::lifecycle
