#pragma once
#include <cstdint>
#include <span>

/// Whether Markov chains have met, and what their draws are worth. [Vehtari, Gelman, Simpson,
/// Carpenter & Buerkner 2021, Bayesian Analysis 16:667-718]
namespace tenure::optim {

/// Draws of one quantity: chains one after the other, all of the same length. A view.
struct ChainDraws {
  std::span<const double> value;
  std::int64_t chains;

  std::int64_t draws() const { return std::ssize(value) / chains; }
};

struct Diagnostics {
  double rhat;      ///< rank-normalised split R-hat, the larger of bulk and folded [eq. 4, 14]
  double ess_bulk;  ///< effective sample size of rank-normalised draws [sect. 3.3, 4.1]
  double ess_tail;  ///< the smaller of the two for the 5 % and 95 % quantiles [sect. 4.3]
  double ess_mean;  ///< of the draws themselves
  double mcse;      ///< Monte Carlo standard error of the mean: sd / sqrt(ess_mean)
};

/// Each chain is split in halves; in chains of odd length the draw in the middle is left out. NaN
/// for fewer than 4 draws a chain, draws that are not finite, and draws that are all the same.
/// O(n log n) for the ranks, O(n) a lag up to the one at which the autocorrelation is lost.
/// Deterministic.
Diagnostics diagnose(const ChainDraws& draws);

/// Energy fraction of missing information of one chain: sum of squared differences of successive
/// energies over that of their deviations from the mean. Below 0.3 the momenta explore the energies
/// too slowly. [Betancourt 2016, arXiv:1604.00695, sect. 2] NaN for fewer than 4 draws.
double energy_fraction(std::span<const double> energy);

}  // namespace tenure::optim
