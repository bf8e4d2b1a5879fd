#pragma once
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tenure/events/arrow_abi.hpp"
#include "tenure/events/columns.hpp"
#include "tenure/events/string_ids.hpp"
#include "tenure/support/calendar.hpp"

namespace tenure::events {

/// A stream taken over from its producer: schema and all batches, released when this goes.
class ArrowBatches {
 public:
  /// Reads the stream to its end and releases it. Throws Error with the producer's message if it
  /// fails, which some producers do only in mid-stream.
  ArrowBatches(ArrowArrayStream* stream, const Execution& execution);
  ~ArrowBatches();
  ArrowBatches(const ArrowBatches&) = delete;
  ArrowBatches& operator=(const ArrowBatches&) = delete;

  /// One column of one batch, with the offsets of the batch and of the column already added.
  struct Column {
    const ArrowSchema* schema;
    const ArrowArray* array;
    std::int64_t first;  ///< index of row 0 in the buffers
    std::int64_t rows;
  };
  /// Throws InvalidInput (argument = name) if there is no such column or its array is too short.
  std::vector<Column> column(const std::string& name) const;
  std::int64_t rows() const;

 private:
  ArrowSchema schema_{};
  std::vector<ArrowArray> batches_;
};

/// What a wall-clock time that a zone skips or repeats means.
enum class AmbiguousTime : std::uint8_t { raise, earlier, later };

struct ImportOptions {
  std::string customer, time;
  std::string amount;  ///< empty: none
  std::string event;   ///< empty: none
  std::vector<std::string> properties;
  TimeZone timezone;  ///< of times that carry no zone, and of dates
  AmbiguousTime ambiguous = AmbiguousTime::raise;
};

/// A table with one row a customer, whose ids share the codes of the events' ids: both columns must
/// be integers of one signedness, or both text.
struct CustomerTable {
  const ArrowBatches* batches;
  std::string id;
};

/// A table of events with every cell in the engine's own types, zero-copy where the layout allows
/// it.
struct ImportedEvents {
  std::vector<RawChunk> chunks;
  bool text_ids = false;  ///< customer cells are codes in `customer_text`
  bool unsigned_ids =
      false;  ///< customer cells are uint64 with the top bit flipped, to keep the order
  std::vector<std::int64_t> table_ids;  ///< of the customer table, row by row, in the same form
  TextTable customer_text;
  TextTable event_text;
  std::vector<Buffer<std::int32_t>> property;  ///< by property: a code for each row, or kNoValue
  std::vector<TextTable> property_text;        ///< by property: its values, ascending

  std::deque<Buffer<std::int64_t>> integers;  // memory of converted columns
  std::deque<Buffer<double>> doubles;
  std::deque<Buffer<std::uint16_t>> codes;
};

/// Customer: integers of any width, text in any layout, dictionaries with any index over these.
/// Time: timestamps of any unit, with or without zone; dates (the local day's first instant). Finer
/// than a microsecond is floored; beyond the range of a 64-bit microsecond it saturates, for
/// `clean` to refuse. Amount: integers and floats of any width. Event: text or a dictionary over
/// text. Throws InvalidInput for a type that is none of these, a dictionary index out of range, a
/// wall-clock time that does not exist or exists twice (unless told how to read it), or too many
/// event names.
ImportedEvents import_events(const ArrowBatches& batches, const ImportOptions& options,
                             const CustomerTable* customers, const Execution& execution);

}  // namespace tenure::events
