#include "tenure/events/arrow_import.hpp"

#include <algorithm>
#include <limits>
#include <string_view>

#include "tenure/events/event_log.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::events {
namespace {

using Column = ArrowBatches::Column;

bool is_text(std::string_view format) { return format == "u" || format == "U" || format == "vu"; }

/// Calls f with a value of the C type that a primitive format stands for; false for other formats.
template <class F>
bool with_integer(std::string_view format, const F& f) {
  if (format == "c") return f(std::int8_t{}), true;
  if (format == "C") return f(std::uint8_t{}), true;
  if (format == "s") return f(std::int16_t{}), true;
  if (format == "S") return f(std::uint16_t{}), true;
  if (format == "i") return f(std::int32_t{}), true;
  if (format == "I") return f(std::uint32_t{}), true;
  if (format == "l") return f(std::int64_t{}), true;
  if (format == "L") return f(std::uint64_t{}), true;
  return false;
}

[[noreturn]] void refuse_type(const std::string& name, std::string_view format,
                              const char* wanted) {
  throw InvalidInput(name.c_str(), -1,
                     "has the Arrow format '" + std::string(format) + "', expected " + wanted);
}

template <class T>
const T* values(const Column& c) {
  return static_cast<const T*>(c.array->buffers[1]) + c.first;
}

Validity validity(const Column& c) {
  if (c.array->null_count == 0 || c.array->n_buffers == 0) return {};
  return {static_cast<const std::uint8_t*>(c.array->buffers[0]), c.first};
}

TextChunk text_chunk(const Column& c, std::string_view format) {
  TextChunk text;
  text.rows = c.rows;
  const Validity valid = validity(c);
  text.valid = valid.bits;
  text.valid_offset = valid.offset;
  const void* const* buffers = c.array->buffers;
  if (format == "vu") {
    text.layout = TextChunk::Layout::views;
    text.cells = static_cast<const char*>(buffers[1]) + 16 * c.first;
    // The last buffer holds the lengths of the others.
    for (std::int64_t b = 2; b < c.array->n_buffers - 1; ++b)
      text.buffers.push_back(static_cast<const char*>(buffers[b]));
    return text;
  }
  text.bytes = static_cast<const char*>(buffers[2]);
  if (format == "u") {
    text.cells = static_cast<const std::int32_t*>(buffers[1]) + c.first;
  } else {
    text.layout = TextChunk::Layout::offsets64;
    text.cells = static_cast<const std::int64_t*>(buffers[1]) + c.first;
  }
  return text;
}

/// The whole dictionary of a column as a column of its own.
Column dictionary_of(const Column& c) {
  const ArrowArray* values = c.array->dictionary;
  return {c.schema->dictionary, values, values->offset, values->length};
}

/// Rewrites a column cell by cell, in parallel; `cell(i)` gives the value of row i of the column.
template <class T, class Cell>
Buffer<T> converted(const Column& c, const Execution& execution, const Cell& cell) {
  Buffer<T> out(c.rows);
  for_each_block(c.rows, execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) out[i] = cell(i);
  });
  return out;
}

/// Cells of a dictionary column, looked up: `entry` holds one value for each dictionary entry. Null
/// cells become 0 and stay null; an index outside the dictionary names the row of the caller.
template <class T>
Buffer<T> looked_up(const Column& c, const std::string& name, const Buffer<T>& entry,
                    std::int64_t base, const Execution& execution) {
  Buffer<T> out;
  const Validity valid = validity(c);
  const Validity entry_valid = validity(dictionary_of(c));
  const bool known = with_integer(c.schema->format, [&]<class I>(I) {
    const I* index = values<I>(c);
    out = converted<T>(c, execution, [&](std::int64_t i) {
      if (!valid[i]) return T{0};
      // One comparison for both ends: a negative index becomes a huge one.
      const auto at = static_cast<std::uint64_t>(static_cast<std::int64_t>(index[i]));
      if (at >= static_cast<std::uint64_t>(entry.size()))
        throw InvalidInput(name.c_str(), base + i, static_cast<double>(index[i]),
                           "an index into its dictionary");
      if (!entry_valid[static_cast<std::int64_t>(at)])
        throw InvalidInput(name.c_str(), base + i, std::string("is null inside its dictionary"));
      return entry[static_cast<std::int64_t>(at)];
    });
  });
  if (!known) refuse_type(name, c.schema->format, "an integer index into a dictionary");
  return out;
}

// --- ids ---------------------------------------------------------------------------------------

constexpr std::uint64_t kTopBit = std::uint64_t{1} << 63;

/// Integer ids as int64: in place where they are, else converted. uint64 keeps its order by
/// flipping the top bit.
const std::int64_t* integer_ids(const Column& c, const std::string& name,
                                std::deque<Buffer<std::int64_t>>& owned,
                                const Execution& execution) {
  const std::string_view format = c.schema->format;
  if (format == "l") return values<std::int64_t>(c);
  const bool known = with_integer(format, [&]<class T>(T) {
    const T* in = values<T>(c);
    owned.push_back(converted<std::int64_t>(c, execution, [in](std::int64_t i) {
      if constexpr (std::is_same_v<T, std::uint64_t>)
        return static_cast<std::int64_t>(in[i] ^ kTopBit);
      else
        return static_cast<std::int64_t>(in[i]);
    }));
  });
  if (!known) refuse_type(name, format, "integers or text");
  return owned.back().data();
}

struct Ids {
  std::vector<const std::int64_t*> chunk;
  bool is_text = false, is_unsigned = false;
  TextTable text;
};

std::string_view id_format(const Column& c) {
  return c.schema->dictionary ? c.schema->dictionary->format : c.schema->format;
}

Ids import_id_columns(const std::vector<Column>& columns, const std::string& name,
                      std::deque<Buffer<std::int64_t>>& owned, const Execution& execution) {
  Ids ids;
  if (columns.empty()) return ids;
  ids.is_text = is_text(id_format(columns[0]));
  ids.is_unsigned = id_format(columns[0]) == "L";
  for (const Column& c : columns)
    if (is_text(id_format(c)) != ids.is_text || (id_format(c) == "L") != ids.is_unsigned)
      refuse_type(name, id_format(c), "the same kind of ids in events and customer table");

  EncodedText encoded;
  if (ids.is_text) {
    std::vector<TextChunk> text;
    for (const Column& c : columns)
      text.push_back(text_chunk(c.schema->dictionary ? dictionary_of(c) : c, id_format(c)));
    encoded = encode_text(text, execution);
    ids.text = std::move(encoded.table);
  }

  std::int64_t base = 0;
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const Column& c = columns[k];
    if (c.schema->dictionary) {
      Buffer<std::int64_t> entry;
      if (ids.is_text) {
        entry = std::move(encoded.code[k]);
      } else {
        std::deque<Buffer<std::int64_t>> scratch;
        const Column d = dictionary_of(c);
        const std::int64_t* id = integer_ids(d, name, scratch, {});
        entry = converted<std::int64_t>(d, {}, [id](std::int64_t i) { return id[i]; });
      }
      owned.push_back(looked_up(c, name, entry, base, execution));
      ids.chunk.push_back(owned.back().data());
    } else if (ids.is_text) {
      owned.push_back(std::move(encoded.code[k]));
      ids.chunk.push_back(owned.back().data());
    } else {
      ids.chunk.push_back(integer_ids(c, name, owned, execution));
    }
    base += c.rows;
  }
  return ids;
}

// --- times -------------------------------------------------------------------------------------

std::int64_t saturating_multiply(std::int64_t a, std::int64_t b) {
  std::int64_t product;
  if (!__builtin_mul_overflow(a, b, &product)) return product;
  return (a < 0) ? std::numeric_limits<std::int64_t>::min()
                 : std::numeric_limits<std::int64_t>::max();
}

class LocalTime {
 public:
  LocalTime(const ImportOptions& options, std::int64_t base) : options_(&options), base_(base) {}

  std::int64_t instant(std::int64_t local, std::int64_t row) const {
    const auto at = options_->timezone.from_local(local);
    if (!at.earlier) {
      // A skipped wall-clock time read with the offset before the jump lands as far behind it.
      if (options_->ambiguous != AmbiguousTime::raise)
        return local - options_->timezone.offset_at(local - kMicrosPerDay);
      throw InvalidInput(options_->time.c_str(), base_ + row,
                         std::string("does not exist in the time zone: clocks jump over it"));
    }
    if (at.later && options_->ambiguous == AmbiguousTime::raise)
      throw InvalidInput(options_->time.c_str(), base_ + row,
                         std::string("happens twice in the time zone, when clocks are set back"));
    return at.later && options_->ambiguous == AmbiguousTime::later ? *at.later : *at.earlier;
  }

 private:
  const ImportOptions* options_;
  std::int64_t base_;
};

const std::int64_t* import_time(const Column& c, const ImportOptions& options, std::int64_t base,
                                std::deque<Buffer<std::int64_t>>& owned,
                                const Execution& execution) {
  const std::string_view format = c.schema->format;
  const Validity valid = validity(c);
  const bool utc = options.timezone.fixed() && options.timezone.offset_at(0) == 0;

  if (format == "tdD" || format == "tdm") {
    const bool days = format == "tdD";
    owned.push_back(converted<std::int64_t>(c, execution, [&](std::int64_t i) {
      if (!valid[i]) return std::int64_t{0};
      const std::int64_t day = days ? std::int64_t{values<std::int32_t>(c)[i]}
                                    : floor_div(values<std::int64_t>(c)[i], 86'400'000);
      // Far outside of the calendar the zone does not matter: `clean` refuses such a day.
      return utc || day < -1'000'000 || day > 1'000'000 ? saturating_multiply(day, kMicrosPerDay)
                                                        : options.timezone.start_of_day(day);
    }));
    return owned.back().data();
  }

  const bool timestamp = format.size() >= 4 && format.substr(0, 2) == "ts" && format[3] == ':';
  const char unit = timestamp ? format[2] : '?';
  if (unit != 's' && unit != 'm' && unit != 'u' && unit != 'n')
    refuse_type(options.time, format, "timestamps or dates");
  const bool wall_clock = format.size() == 4 && !utc;
  const std::int64_t* in = values<std::int64_t>(c);
  if (unit == 'u' && !wall_clock) return in;

  const LocalTime local(options, base);
  owned.push_back(converted<std::int64_t>(c, execution, [&](std::int64_t i) {
    if (!valid[i]) return std::int64_t{0};
    const std::int64_t micros = unit == 's'   ? saturating_multiply(in[i], 1'000'000)
                                : unit == 'm' ? saturating_multiply(in[i], 1'000)
                                : unit == 'u' ? in[i]
                                              : floor_div(in[i], 1'000);
    const bool in_calendar =
        micros / kMicrosPerDay > -1'000'000 && micros / kMicrosPerDay < 1'000'000;
    return wall_clock && in_calendar ? local.instant(micros, i) : micros;
  }));
  return owned.back().data();
}

// --- amounts, event names, properties ----------------------------------------------------------

const double* import_amount(const Column& c, const std::string& name,
                            std::deque<Buffer<double>>& owned, const Execution& execution) {
  const std::string_view format = c.schema->format;
  if (format == "g") return values<double>(c);
  const auto convert = [&](const auto* in) {
    owned.push_back(converted<double>(c, execution,
                                      [in](std::int64_t i) { return static_cast<double>(in[i]); }));
  };
  if (format == "f")
    convert(values<float>(c));
  else if (!with_integer(format, [&]<class T>(T) { convert(values<T>(c)); }))
    refuse_type(name, format, "numbers");
  return owned.back().data();
}

std::vector<const std::uint16_t*> import_events_names(const std::vector<Column>& columns,
                                                      const std::string& name,
                                                      ImportedEvents& imported,
                                                      const Execution& execution) {
  std::deque<Buffer<std::int64_t>> wide;
  const Ids names = import_id_columns(columns, name, wide, execution);
  if (!columns.empty() && !names.is_text) refuse_type(name, columns[0].schema->format, "text");
  if (names.text.size() > std::numeric_limits<std::uint16_t>::max())
    throw InvalidInput(name.c_str(), -1, static_cast<double>(names.text.size()),
                       "a column of at most 65,535 distinct event names");
  std::vector<const std::uint16_t*> chunks;
  std::int64_t base = 0;
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const Column& c = columns[k];
    const Validity valid = validity(c);
    const std::int64_t* code = names.chunk[k];
    imported.codes.push_back(converted<std::uint16_t>(c, execution, [&](std::int64_t i) {
      if (!valid[i]) throw InvalidInput(name.c_str(), base + i, std::string("has no event name"));
      return static_cast<std::uint16_t>(code[i]);
    }));
    chunks.push_back(imported.codes.back().data());
    base += c.rows;
  }
  imported.event_text = names.text;
  return chunks;
}

/// Codes of one property for all rows, whatever the batches.
void import_property(const std::vector<Column>& columns, const std::string& name, std::int64_t rows,
                     ImportedEvents& imported, const Execution& execution) {
  std::deque<Buffer<std::int64_t>> wide;
  Ids values = import_id_columns(columns, name, wide, execution);
  if (!columns.empty() && !values.is_text) refuse_type(name, columns[0].schema->format, "text");
  if (values.text.size() > std::numeric_limits<std::int32_t>::max())
    throw InvalidInput(name.c_str(), -1, static_cast<double>(values.text.size()),
                       "a column of at most 2^31 - 1 distinct values");
  Buffer<std::int32_t> code(rows);
  std::int64_t base = 0;
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const Validity valid = validity(columns[k]);
    for_each_block(
        columns[k].rows, execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
          for (std::int64_t i = first; i < last; ++i)
            code[base + i] = valid[i] ? static_cast<std::int32_t>(values.chunk[k][i]) : kNoValue;
        });
    base += columns[k].rows;
  }
  imported.property.push_back(std::move(code));
  imported.property_text.push_back(std::move(values.text));
}

}  // namespace

ImportedEvents import_events(const ArrowBatches& batches, const ImportOptions& options,
                             const CustomerTable* customers, const Execution& execution) {
  ImportedEvents imported;
  const auto time = batches.column(options.time);
  auto customer = batches.column(options.customer);
  if (customers)
    for (const Column& c : customers->batches->column(customers->id)) customer.push_back(c);
  Ids ids = import_id_columns(customer, options.customer, imported.integers, execution);
  for (std::size_t k = time.size(); k < customer.size(); ++k) {
    const Validity valid = validity(customer[k]);
    for (std::int64_t i = 0; i < customer[k].rows; ++i) {
      if (!valid[i])
        throw InvalidInput(customers->id.c_str(), std::ssize(imported.table_ids),
                           std::string("of the customer table has no id"));
      imported.table_ids.push_back(ids.chunk[k][i]);
    }
  }
  imported.text_ids = ids.is_text;
  imported.unsigned_ids = ids.is_unsigned;
  imported.customer_text = std::move(ids.text);

  std::vector<Column> amount, event;
  if (!options.amount.empty()) amount = batches.column(options.amount);
  std::vector<const std::uint16_t*> event_code;
  if (!options.event.empty()) {
    event = batches.column(options.event);
    event_code = import_events_names(event, options.event, imported, execution);
  }

  std::int64_t base = 0;
  for (std::size_t k = 0; k < time.size(); ++k) {
    RawChunk chunk;
    chunk.rows = time[k].rows;
    chunk.first_row = base;
    chunk.customer = ids.chunk[k];
    chunk.customer_valid = validity(customer[k]);
    chunk.time = import_time(time[k], options, base, imported.integers, execution);
    chunk.time_valid = validity(time[k]);
    if (!amount.empty()) {
      chunk.amount = import_amount(amount[k], options.amount, imported.doubles, execution);
      chunk.amount_valid = validity(amount[k]);
    }
    if (!event.empty()) chunk.event = event_code[k];
    imported.chunks.push_back(chunk);
    base += chunk.rows;
  }
  for (const std::string& name : options.properties)
    import_property(batches.column(name), name, base, imported, execution);
  return imported;
}

}  // namespace tenure::events
