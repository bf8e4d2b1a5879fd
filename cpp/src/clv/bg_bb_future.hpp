#pragma once
#include <span>

#include "tenure/clv/bg_bb.hpp"

/// What the predictions of BG/BB share.
namespace tenure::clv::bg_bb {

/// Throws InvalidInput unless `v` is whole, from 0 to `most`.
void require_whole(const char* argument, double v, double most);

/// Writes log(P / (1 - P)) of P(alive at n) for the cells of a run.
void log_odds_now(const BgBbParameters& p, std::span<const OpportunityCell> run, double* out);

double expit(double log_odds);

/// Of somebody alive at n after x purchases: a new customer at these parameters.
inline BgBbParameters if_alive(const BgBbParameters& p, double x, double n) {
  return {p.alpha + x, p.beta + (n - x), p.gamma, p.delta + n};
}

/// P(`count` purchases at the first n opportunities) [eq. 8].
double pmf(const BgBbParameters& p, double count, double n);

}  // namespace tenure::clv::bg_bb
