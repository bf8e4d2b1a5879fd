#include <memory>

#include "kmeans_frame.hpp"
#include "kmeans_scoring.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/random.hpp"

namespace tenure::segment {
namespace detail {
namespace {

constexpr int kRounds = 5;  // the paper finds no more than that to pay (section 5.3)
constexpr double kOversampling = 2.0;

/// A number of (0, 1) that belongs to a row in a round of a run, whoever asks for it. The high bit
/// keeps it apart from the streams of runs.
double coin(std::uint64_t seed, std::uint64_t run, int round, std::int64_t row) {
  const std::uint64_t block = (std::uint64_t{1} << 63) | (run << 4) | static_cast<unsigned>(round);
  const auto bits = RandomStream::philox(seed, static_cast<std::uint64_t>(row), block);
  const std::uint64_t word = (static_cast<std::uint64_t>(bits[0]) << 32) | bits[1];
  return (static_cast<double>(word >> 11) + 0.5) * 0x1.0p-53;
}

/// A growing sample of rows, and the nearest of them to each row.
template <class T>
class Sample {
 public:
  Sample(const Frame<T>& frame, const Execution& execution)
      : frame_(frame),
        n_(frame.points().rows()),
        d_(frame.points().features),
        execution_(execution),
        square_(n_),
        nearest_(n_),
        label_(n_) {
    std::ranges::fill(square_.span(), std::numeric_limits<T>::infinity());
    std::ranges::fill(label_.span(), 0);
  }

  const std::vector<std::int64_t>& rows() const { return rows_; }

  void add(const std::vector<std::int64_t>& rows) {
    std::vector<double> centre;
    for (const std::int64_t row : rows)
      for (std::int64_t j = 0; j < d_; ++j)
        centre.push_back(static_cast<double>(frame_.cell(row, j)));
    const std::int64_t k = std::ssize(rows);
    const Scoring<T> scoring(centre, k, d_);
    const AssignTask<T> task{.rows = frame_.rows(),
                             .clusters = k,
                             .packed = scoring.packed.data(),
                             .plain = scoring.plain.data(),
                             .half_norm = scoring.half_norm.data(),
                             .label = label_.data()};
    const auto before = static_cast<std::int32_t>(rows_.size());
    for_each_block(
        n_, for_work(execution_, n_, k * d_),
        [&](std::int64_t, std::int64_t first, std::int64_t last) {
          const auto change =
              std::make_unique_for_overwrite<Change[]>(static_cast<std::size_t>(last - first) + 1);
          in_pieces(first, last, d_, k * d_, execution_, [&](std::int64_t from, std::int64_t to) {
            kernels<T>().assign(task, first, from - first, to - first, change.get());
            for (std::int64_t i = from; i < to; ++i)
              look(i, scoring.plain.data() + label_[i] * d_, before + label_[i]);
          });
        });
    rows_.insert(rows_.end(), rows.begin(), rows.end());
  }

  /// The sum of weight x squared distance to the sample.
  double potential() const {
    return block_sum(n_, for_work(execution_, n_, 8),
                     [&](std::int64_t i) { return frame_.weight(i) * at(i); });
  }

  /// Each row with the probability `factor` x weight x squared distance, in order.
  std::vector<std::int64_t> draw(double factor, std::uint64_t seed, std::uint64_t run,
                                 int round) const {
    std::vector<std::vector<std::int64_t>> drawn(static_cast<std::size_t>(block_count(n_)));
    for_each_block(n_, for_work(execution_, n_, 64),
                   [&](std::int64_t block, std::int64_t first, std::int64_t last) {
                     for (std::int64_t i = first; i < last; ++i)
                       if (coin(seed, run, round, i) < factor * (frame_.weight(i) * at(i)))
                         drawn[static_cast<std::size_t>(block)].push_back(i);
                   });
    std::vector<std::int64_t> all;
    for (const auto& d : drawn) all.insert(all.end(), d.begin(), d.end());
    return all;
  }

  /// By member: the weight of the rows nearest to it.
  std::vector<double> weights() const {
    std::vector<double> weight(rows_.size());
    for (std::int64_t i = 0; i < n_; ++i)
      weight[static_cast<std::size_t>(nearest_[i])] += frame_.weight(i);
    return weight;
  }

 private:
  double at(std::int64_t row) const { return static_cast<double>(square_[row]); }
  void look(std::int64_t row, const T* member, std::int32_t which) {
    T sum{0};
    for (std::int64_t j = 0; j < d_; ++j) {
      const T gap = frame_.cell(row, j) - member[j];
      sum += gap * gap;
    }
    if (sum < square_[row]) {
      square_[row] = sum;
      nearest_[row] = which;
    }
  }

  const Frame<T>& frame_;
  std::int64_t n_, d_;
  Execution execution_;
  std::vector<std::int64_t> rows_;
  Buffer<T> square_;
  Buffer<std::int32_t> nearest_;
  Buffer<std::int32_t> label_;
};

}  // namespace

template <class T>
std::vector<std::int64_t> draw_parallel_seeds(const Frame<T>& frame, std::int64_t clusters,
                                              std::uint64_t seed, std::uint64_t run,
                                              const Execution& execution) {
  Sample<T> sample(frame, execution);
  sample.add(draw_seeds(frame, 1, seed, run, execution));
  for (int round = 0; round < kRounds; ++round) {
    const double potential = sample.potential();
    if (!(potential > 0.0)) break;
    const auto drawn =
        sample.draw(kOversampling * static_cast<double>(clusters) / potential, seed, run, round);
    if (!drawn.empty()) sample.add(drawn);
  }
  const std::vector<std::int64_t>& rows = sample.rows();
  if (std::ssize(rows) < clusters) return draw_seeds(frame, clusters, seed, run, execution);

  const std::int64_t d = frame.points().features;
  std::vector<T> cells;
  for (const std::int64_t row : rows) {
    const auto from = frame.points().values.begin() + row * d;
    cells.insert(cells.end(), from, from + d);
  }
  std::vector<double> shift;
  for (std::int64_t j = 0; j < d; ++j) shift.push_back(frame.shift(j));
  const std::vector<double> weight = sample.weights();
  const Frame<T> members(Points<T>{cells, d, weight}, shift);
  std::vector<std::int64_t> seeds;
  // A stream of its own: the one of the run has drawn the first row.
  for (const std::int64_t member :
       draw_seeds(members, clusters, seed, run | (std::uint64_t{1} << 62), execution))
    seeds.push_back(rows[static_cast<std::size_t>(member)]);
  return seeds;
}

template std::vector<std::int64_t> draw_parallel_seeds(const Frame<float>&, std::int64_t,
                                                       std::uint64_t, std::uint64_t,
                                                       const Execution&);
template std::vector<std::int64_t> draw_parallel_seeds(const Frame<double>&, std::int64_t,
                                                       std::uint64_t, std::uint64_t,
                                                       const Execution&);

}  // namespace detail

template <class T>
std::vector<std::int64_t> kmeans_parallel(const Points<T>& points, std::int64_t clusters,
                                          std::uint64_t seed, std::uint64_t run,
                                          const Execution& execution) {
  const detail::Frame<T> frame = detail::checked_frame(points, clusters, execution);
  return detail::draw_parallel_seeds(frame, clusters, seed, run, execution);
}

template std::vector<std::int64_t> kmeans_parallel(const Points<float>&, std::int64_t,
                                                   std::uint64_t, std::uint64_t, const Execution&);
template std::vector<std::int64_t> kmeans_parallel(const Points<double>&, std::int64_t,
                                                   std::uint64_t, std::uint64_t, const Execution&);

}  // namespace tenure::segment
