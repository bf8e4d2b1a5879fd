#include "tenure/events/string_ids.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <string>

namespace tenure::events {
namespace {

/// Texts laid out as Arrow would, in a layout of choice; owns the memory that the chunk views.
struct Column {
  std::vector<std::int32_t> offset32{0};
  std::vector<std::int64_t> offset64{0};
  std::vector<std::array<char, 16>> cells;
  std::string bytes;
  TextChunk chunk;

  Column(const std::vector<std::string>& texts, TextChunk::Layout layout) {
    for (const auto& t : texts) bytes += t;
    std::int32_t at = 0;
    for (const auto& t : texts) {
      const auto length = static_cast<std::int32_t>(t.size());
      std::array<char, 16> cell{};
      const std::int32_t zero = 0;
      std::memcpy(cell.data(), &length, 4);
      if (length <= 12) {
        std::memcpy(cell.data() + 4, t.data(), t.size());
      } else {
        std::memcpy(cell.data() + 4, t.data(), 4);
        std::memcpy(cell.data() + 8, &zero, 4);
        std::memcpy(cell.data() + 12, &at, 4);
      }
      cells.push_back(cell);
      at += length;
      offset32.push_back(at);
      offset64.push_back(at);
    }
    chunk.layout = layout;
    chunk.rows = std::ssize(texts);
    chunk.bytes = bytes.data();
    if (layout == TextChunk::Layout::views) {
      chunk.cells = cells.data();
      chunk.buffers = {bytes.data()};
    } else if (layout == TextChunk::Layout::offsets32) {
      chunk.cells = offset32.data();
    } else {
      chunk.cells = offset64.data();
    }
  }
  Column(const Column&) = delete;
};

std::vector<std::string> random_texts(std::mt19937_64& rng, int n, int distinct) {
  std::vector<std::string> vocabulary{
      "",          std::string(1, '\0'), std::string(10'000, 'x'), "\xE2\x80\x8B",
      "prefix-00", "prefix-0",           "prefix-000000001"};
  while (std::ssize(vocabulary) < distinct) {
    std::string t(rng() % 30, ' ');
    for (char& c : t) c = static_cast<char>(rng() % 256);
    vocabulary.push_back(t);
  }
  std::vector<std::string> texts;
  for (int i = 0; i < n; ++i) texts.push_back(vocabulary[rng() % vocabulary.size()]);
  return texts;
}

TEST(EncodeText, RanksTheDistinctTextsByByteOrder) {
  std::mt19937_64 rng(1);
  using Layout = TextChunk::Layout;
  for (const Layout layout : {Layout::offsets32, Layout::offsets64, Layout::views})
    for (const int threads : {1, 2, 5}) {
      const auto first = random_texts(rng, 700, 50), second = random_texts(rng, 300, 200);
      const Column a(first, layout), b(second, layout);
      const EncodedText encoded = encode_text({a.chunk, b.chunk}, {threads});

      std::set<std::string> distinct(first.begin(), first.end());
      distinct.insert(second.begin(), second.end());
      const std::vector<std::string> expected(distinct.begin(), distinct.end());
      ASSERT_EQ(encoded.table.size(), std::ssize(expected));
      for (std::size_t k = 0; k < expected.size(); ++k)
        ASSERT_EQ(encoded.table[static_cast<std::int64_t>(k)], expected[k]);
      for (std::size_t i = 0; i < first.size(); ++i)
        ASSERT_EQ(encoded.table[encoded.code[0][static_cast<std::int64_t>(i)]], first[i]);
      for (std::size_t i = 0; i < second.size(); ++i)
        ASSERT_EQ(encoded.table[encoded.code[1][static_cast<std::int64_t>(i)]], second[i]);
    }
}

TEST(EncodeText, SharesOutManyRows) {
  std::mt19937_64 rng(2);
  const auto texts = random_texts(rng, 200'000, 3'000);
  const Column column(texts, TextChunk::Layout::offsets32);
  const EncodedText one = encode_text({column.chunk}, {1});
  const EncodedText three = encode_text({column.chunk}, {3});
  EXPECT_EQ(one.table.bytes, three.table.bytes);
  EXPECT_TRUE(std::ranges::equal(one.code[0].span(), three.code[0].span()));
}

TEST(EncodeText, TakesNothingButEmptyTexts) {
  const Column column({"", "", ""}, TextChunk::Layout::offsets32);
  const EncodedText encoded = encode_text({column.chunk}, {2});
  EXPECT_EQ(encoded.table.size(), 1);
  EXPECT_EQ(encoded.table[0], "");
}

TEST(EncodeText, SkipsNullCells) {
  Column column({"b", "a", "b"}, TextChunk::Layout::offsets32);
  const std::uint8_t valid = 0b101;
  column.chunk.valid = &valid;
  const EncodedText encoded = encode_text({column.chunk}, {1});
  EXPECT_EQ(encoded.table.size(), 1);
  EXPECT_EQ(encoded.table[0], "b");
  EXPECT_EQ(encoded.code[0][1], 0);
}

}  // namespace
}  // namespace tenure::events
