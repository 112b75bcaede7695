// SPDX-License-Identifier: Apache-2.0
// SHA-256 of leaves and inner nodes (docs/FORMAT.md section 1) with the processor's SHA instructions, two messages at a
// time: one alone waits for its own results. Optional; libs/evidence does the same in WebAssembly, which is the oracle in
// tests. Every argument is checked here again: what is wrong throws, and nothing is read or written beyond a buffer.
#include <node_api.h>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#define WITH_SHA __attribute__((target("sha,sse4.1")))
#define ALWAYS inline __attribute__((always_inline))

namespace {

constexpr size_t BLOCK = 64, DIGEST = 32, SALT = 16, NODE = 65;
/** 0x00, salt, context digest, sequence: before a record's bytes in its leaf. */
constexpr size_t PREFIX = 1 + SALT + DIGEST + 8, CONTEXT_AT = 1 + SALT;
/** Of the record's bytes, in the first block. */
constexpr size_t FIRST = BLOCK - PREFIX;

/** FIPS 180-4 section 4.2.2. */
alignas(16) constexpr uint32_t K[64] = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74,
  0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d,
  0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e,
  0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
  0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/** The instructions want the eight words as ABEF and CDGH. */
struct State { __m128i abef, cdgh; };

WITH_SHA ALWAYS State initial() {
  return {_mm_set_epi32(0x6a09e667, int(0xbb67ae85), 0x510e527f, int(0x9b05688c)), _mm_set_epi32(0x3c6ef372, int(0xa54ff53a), 0x1f83d9ab, 0x5be0cd19)};
}

WITH_SHA ALWAYS __m128i turned(__m128i words) {
  return _mm_shuffle_epi8(words, _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
}

/** One block of each of `N` messages. */
template <int N> WITH_SHA ALWAYS void compress(State *state, const uint8_t *const *at) {
  __m128i a[N], b[N], w[N][4];
  for (int n = 0; n < N; n++) {
    a[n] = state[n].abef;
    b[n] = state[n].cdgh;
    for (int i = 0; i < 4; i++) w[n][i] = turned(_mm_loadu_si128(reinterpret_cast<const __m128i *>(at[n] + 16 * i)));
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) {
    const __m128i k = _mm_load_si128(reinterpret_cast<const __m128i *>(K + 4 * i));
#pragma GCC unroll 2
    for (int n = 0; n < N; n++) {
      const __m128i sum = _mm_add_epi32(w[n][i & 3], k);
      b[n] = _mm_sha256rnds2_epu32(b[n], a[n], sum);
      a[n] = _mm_sha256rnds2_epu32(a[n], b[n], _mm_shuffle_epi32(sum, 0x0e));
      if (i >= 12) continue;
      const __m128i early = _mm_sha256msg1_epu32(w[n][i & 3], w[n][(i + 1) & 3]);
      const __m128i late = _mm_alignr_epi8(w[n][(i + 3) & 3], w[n][(i + 2) & 3], 4);
      w[n][i & 3] = _mm_sha256msg2_epu32(_mm_add_epi32(early, late), w[n][(i + 3) & 3]);
    }
  }
  for (int n = 0; n < N; n++) {
    state[n].abef = _mm_add_epi32(state[n].abef, a[n]);
    state[n].cdgh = _mm_add_epi32(state[n].cdgh, b[n]);
  }
}

WITH_SHA ALWAYS void store(const State &state, uint8_t *to) {
  const __m128i feba = _mm_shuffle_epi32(state.abef, 0x1b), dchg = _mm_shuffle_epi32(state.cdgh, 0xb1);
  _mm_storeu_si128(reinterpret_cast<__m128i *>(to), turned(_mm_blend_epi16(feba, dchg, 0xf0)));
  _mm_storeu_si128(reinterpret_cast<__m128i *>(to + 16), turned(_mm_alignr_epi8(dchg, feba, 8)));
}

ALWAYS void put64(uint8_t *to, uint64_t value) { value = __builtin_bswap64(value); memcpy(to, &value, 8); }
ALWAYS uint32_t get32(const uint8_t *from) { uint32_t value; memcpy(&value, from, 4); return __builtin_bswap32(value); }

/** A leaf's message in blocks: the first, those that lie whole in the record, and the end with the padding. */
struct Leaf {
  uint8_t first[BLOCK], end[2 * BLOCK];
  const uint8_t *middle;
  size_t middleCount, count, next;

  ALWAYS const uint8_t *take() {
    const size_t i = next++;
    if (i == 0) return first;
    return i <= middleCount ? middle + (i - 1) * BLOCK : end + (i - 1 - middleCount) * BLOCK;
  }
};

/** What all leaves of a run share stands in `first` already. */
ALWAYS void prepare(Leaf &leaf, const uint8_t *salt, uint64_t sequence, const uint8_t *record, size_t length) {
  memcpy(leaf.first + 1, salt, SALT);
  put64(leaf.first + PREFIX - 8, sequence);
  const size_t inFirst = length < FIRST ? length : FIRST;
  memcpy(leaf.first + PREFIX, record, inFirst);
  leaf.middle = record + inFirst;
  leaf.middleCount = (length - inFirst) / BLOCK;
  const size_t rest = (length - inFirst) % BLOCK;
  // So short a record leaves no room for the length: the padding begins in the first block and fills the next.
  uint8_t *const padding = inFirst < FIRST ? leaf.first + PREFIX + inFirst : leaf.end + rest;
  uint8_t *const last = leaf.end + (rest < BLOCK - 8 ? BLOCK - 8 : 2 * BLOCK - 8);
  if (inFirst < FIRST) memset(padding, 0, FIRST - inFirst), memset(leaf.end, 0, BLOCK);
  else memcpy(leaf.end, leaf.middle + leaf.middleCount * BLOCK, rest), memset(padding, 0, size_t(last - padding));
  *padding = 0x80;
  put64(last, (PREFIX + length) * 8);
  leaf.next = 0;
  leaf.count = 1 + leaf.middleCount + size_t(last + 8 - leaf.end) / BLOCK;
}

/** Both together while both have blocks, then what is left of the longer one. `count` is 1 or 2. */
WITH_SHA void hashLeaves(Leaf *leaves, size_t count, uint8_t *to) {
  State state[2] = {initial(), initial()};
  const uint8_t *at[2];
  while (count == 2 && leaves[0].next < leaves[0].count && leaves[1].next < leaves[1].count) {
    at[0] = leaves[0].take();
    at[1] = leaves[1].take();
    compress<2>(state, at);
  }
  for (size_t n = 0; n < count; n++) {
    while (leaves[n].next < leaves[n].count) {
      at[0] = leaves[n].take();
      compress<1>(state + n, at);
    }
    store(state[n], to + n * DIGEST);
  }
}

struct Span { uint8_t *data; size_t length; };

/** Leaf hashes of `count` records. False when what they name does not lie in the spans. */
WITH_SHA bool hashRun(Span context, uint64_t sequence, size_t count, Span lengths, Span salts, size_t saltAt, Span data, Span to, size_t toAt) {
  const auto fits = [count](Span span, size_t at, size_t each) { return at <= span.length && count <= (span.length - at) / each; };
  if (context.length != DIGEST || !fits(lengths, 0, 4) || !fits(salts, saltAt, SALT) || !fits(to, toAt, DIGEST)) return false;
  Leaf pair[2];
  for (Leaf &leaf : pair) memcpy(leaf.first + CONTEXT_AT, context.data, DIGEST), leaf.first[0] = 0;
  size_t at = 0;
  for (size_t i = 0; i < count; i += 2) {
    const size_t ready = count - i < 2 ? 1 : 2;
    for (size_t n = 0; n < ready; n++) {
      const size_t length = get32(lengths.data + 4 * (i + n));
      if (length > data.length - at) return false;
      prepare(pair[n], salts.data + saltAt + (i + n) * SALT, sequence + i + n, data.data + at, length);
      at += length;
    }
    hashLeaves(pair, ready, to.data + toAt + i * DIGEST);
  }
  return true;
}

/** Replaces `pairs` pairs of hashes by their nodes. */
WITH_SHA void fold(uint8_t *level, size_t pairs) {
  uint8_t blocks[2][2 * BLOCK] = {};
  for (uint8_t *block : blocks) {
    block[0] = 1;
    block[NODE] = 0x80;
    put64(block + 2 * BLOCK - 8, NODE * 8);
  }
  for (size_t i = 0; i < pairs; i += 2) {
    const size_t ready = pairs - i < 2 ? 1 : 2;
    State state[2] = {initial(), initial()};
    for (size_t n = 0; n < ready; n++) memcpy(blocks[n] + 1, level + (i + n) * 2 * DIGEST, 2 * DIGEST);
    for (size_t at = 0; at <= BLOCK; at += BLOCK) {
      const uint8_t *const both[2] = {blocks[0] + at, blocks[1] + at};
      compress<2>(state, both);
    }
    for (size_t n = 0; n < ready; n++) store(state[n], level + (i + n) * DIGEST);
  }
}

bool isSupported() {
  unsigned a, b, c, d;
  if (!__get_cpuid_count(1, 0, &a, &b, &c, &d) || (c & bit_SSE4_1) == 0) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA) != 0;
}

bool read(napi_env env, napi_value from, Span &to) {
  bool is = false;
  return napi_is_buffer(env, from, &is) == napi_ok && is && napi_get_buffer_info(env, from, reinterpret_cast<void **>(&to.data), &to.length) == napi_ok;
}
bool read(napi_env env, napi_value from, int64_t &to) { return napi_get_value_int64(env, from, &to) == napi_ok && to >= 0; }

napi_value done(napi_env env, bool ok) {
  if (!ok) napi_throw_range_error(env, nullptr, "arguments of the SHA-256 addon do not fit together");
  return nullptr;
}

/** leaves(context, sequence, count, lengths, salts, saltAt, data, to, toAt) */
napi_value leaves(napi_env env, napi_callback_info info) {
  napi_value v[9];
  size_t given = 9;
  Span context, lengths, salts, data, to;
  int64_t sequence, count, saltAt, toAt;
  return done(env, napi_get_cb_info(env, info, &given, v, nullptr, nullptr) == napi_ok && given == 9 && read(env, v[0], context) &&
    read(env, v[1], sequence) && read(env, v[2], count) && read(env, v[3], lengths) && read(env, v[4], salts) && read(env, v[5], saltAt) &&
    read(env, v[6], data) && read(env, v[7], to) && read(env, v[8], toAt) &&
    hashRun(context, uint64_t(sequence), size_t(count), lengths, salts, size_t(saltAt), data, to, size_t(toAt)));
}

/** nodes(level, pairs) */
napi_value nodes(napi_env env, napi_callback_info info) {
  napi_value v[2];
  size_t given = 2;
  Span level;
  int64_t pairs;
  const bool ok = napi_get_cb_info(env, info, &given, v, nullptr, nullptr) == napi_ok && given == 2 && read(env, v[0], level) &&
    read(env, v[1], pairs) && size_t(pairs) <= level.length / (2 * DIGEST);
  if (ok) fold(level.data, size_t(pairs));
  return done(env, ok);
}

}  // namespace
#endif

/** Exports nothing where the processor lacks the instructions. */
extern "C" __attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value exports) {
#if defined(__x86_64__)
  const napi_property_descriptor functions[] = {
    {"leaves", nullptr, leaves, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
    {"nodes", nullptr, nodes, nullptr, nullptr, nullptr, napi_enumerable, nullptr}};
  if (isSupported()) napi_define_properties(env, exports, 2, functions);
#endif
  return exports;
}
