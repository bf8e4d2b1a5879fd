#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "tenure/support/execution.hpp"

namespace tenure {

/// Rows in one unit of parallel work. A constant of the library, never a function of the thread
/// count: results must not depend on the machine.
inline constexpr std::int64_t kBlockRows = 8192;

constexpr std::int64_t block_count(std::int64_t rows, std::int64_t block_rows = kBlockRows) {
  return (rows + block_rows - 1) / block_rows;
}

/// Calls body(task) once for every task in [0, tasks), on at most `execution.threads` threads, the
/// calling one among them. Threads live for this call only: nothing survives into a forked child.
/// If bodies throw, the error of the lowest task is rethrown; a thread that cannot be started means
/// fewer threads. A task should last well under 50 ms, or poll by itself, for Ctrl-C to be prompt.
template <class Body>
void for_each_task(std::int64_t tasks, const Execution& execution, const Body& body) {
  std::atomic<std::int64_t> next{0};
  std::atomic<std::int64_t> lowest_failed{tasks};
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(tasks));

  const auto work = [&] {
    for (std::int64_t t; (t = next.fetch_add(1, std::memory_order_relaxed)) < tasks;) {
      // Tasks above a failed one need not run; those below must, as the lowest error is reported.
      if (t > lowest_failed.load(std::memory_order_relaxed)) continue;
      try {
        execution.poll();
        body(t);
      } catch (...) {
        errors[static_cast<std::size_t>(t)] = std::current_exception();
        for (auto seen = lowest_failed.load(); t < seen;)
          if (lowest_failed.compare_exchange_weak(seen, t)) break;
      }
    }
  };

  std::exception_ptr while_waiting;
  {
    std::mutex counting;
    std::condition_variable ended;
    std::size_t ended_helpers = 0;
    std::vector<std::jthread> helpers;
    const auto wanted = std::min<std::int64_t>(execution.threads, tasks) - 1;
    const auto help = [&] {
      work();
      const std::lock_guard lock(counting);
      ++ended_helpers;
      ended.notify_one();
    };
    try {
      for (std::int64_t i = 0; i < wanted; ++i) helpers.emplace_back(help);
    } catch (const std::system_error&) {
      // Out of threads or memory: the ones that did start, and this one, do the work.
    } catch (const std::bad_alloc&) {
    }
    work();
    // Only this thread may be able to ask for an interrupt: it goes on asking while others work.
    std::unique_lock lock(counting);
    const auto all_ended = [&] { return ended_helpers == helpers.size(); };
    while (execution.interrupt && !while_waiting &&
           !ended.wait_for(lock, std::chrono::milliseconds(10), all_ended)) {
      lock.unlock();
      try {
        execution.poll();
      } catch (...) {
        while_waiting = std::current_exception();
      }
      lock.lock();
    }
  }  // joins
  if (lowest_failed < tasks)
    std::rethrow_exception(errors[static_cast<std::size_t>(lowest_failed.load())]);
  if (while_waiting) std::rethrow_exception(while_waiting);
}

/// Calls body(block, first_row, last_row) once for every block of `block_rows` rows.
template <class Body>
void for_each_block(std::int64_t rows, const Execution& execution, const Body& body,
                    std::int64_t block_rows = kBlockRows) {
  for_each_task(block_count(rows, block_rows), execution, [&](std::int64_t block) {
    body(block, block * block_rows, std::min(rows, (block + 1) * block_rows));
  });
}

/// One partial state a block, from `make(first_row, last_row)`, added up in block order with
/// `total += partial`, so that every thread count gives the same bits.
template <class State, class Make>
State block_reduce(std::int64_t rows, const Execution& execution, State total, const Make& make,
                   std::int64_t block_rows = kBlockRows) {
  std::vector<State> partial(static_cast<std::size_t>(block_count(rows, block_rows)), total);
  for_each_block(
      rows, execution,
      [&](std::int64_t block, std::int64_t first, std::int64_t last) {
        partial[static_cast<std::size_t>(block)] = make(first, last);
      },
      block_rows);
  for (const State& p : partial) total += p;
  return total;
}

/// Sum of term(i) over rows, in an order that does not depend on the thread count.
template <class Term>
double block_sum(std::int64_t rows, const Execution& execution, const Term& term) {
  return block_reduce(rows, execution, 0.0, [&](std::int64_t first, std::int64_t last) {
    double sum = 0.0;
    for (std::int64_t i = first; i < last; ++i) sum += term(i);
    return sum;
  });
}

}  // namespace tenure
