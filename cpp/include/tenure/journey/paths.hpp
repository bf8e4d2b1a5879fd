#pragma once
#include <cstdint>
#include <vector>

#include "tenure/journey/states.hpp"

namespace tenure::journey {

/// part: any visits of a unit that follow one another. whole: all visits of a unit. loop: visits
/// that lead back to the state of the first, and not before the last.
enum class PathKind : std::uint8_t { part, whole, loop };

struct PathPlan {
  PathKind kind = PathKind::part;
  std::int64_t least = 2;           ///< visits of a path, >= 1
  std::int64_t most = 5;            ///< >= least
  std::vector<std::uint8_t> start;  ///< by state: 1 if a path may begin there; empty: any
  std::vector<std::uint8_t> end;    ///< by state: 1 if a path may end there; empty: any
  std::int64_t top = 20;            ///< how many to tell of, >= 1
};

/// The most frequent paths: by count, those of equal counts in lexicographic order of their states.
struct Paths {
  std::vector<std::int64_t> offset;     ///< paths + 1: where the states of a path begin
  std::vector<std::int32_t> state;      ///< of all paths, one after the other
  std::vector<std::int64_t> count;      ///< how often it was taken; parts may overlap
  std::vector<std::int64_t> customers;  ///< who took it at least once
  std::vector<double> median;           ///< from the first visit to the last, microseconds
  std::int64_t distinct = 0;            ///< different paths in all
  std::int64_t total = 0;               ///< sum of their counts
  std::int64_t units = 0;
  std::int64_t all_customers = 0;  ///< with at least one unit
};

/// Exact counts of every path, by a hash table of (path, next state); then one more pass for the
/// times of the most frequent ones.
///
/// O(rows x most) look-ups, O(rows) for whole units; memory O(different paths and their
/// beginnings). Same bits for any thread count. Throws InvalidInput if the plans do not fit.
Paths paths(const events::EventLog& log, const StatePlan& states, const PathPlan& plan,
            const Execution& execution);

}  // namespace tenure::journey
