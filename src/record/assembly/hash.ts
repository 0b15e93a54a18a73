/** Owns the hash of a text in bytes, as `textHash` of `../identity.ts` gives it; AssemblyScript. */

function round(sum: u32, word: u32): u32 {
  return rotl<u32>(sum + word * 2246822519, 13) * 2654435761;
}

/** xxHash32 with a seed; 1 in the place of 0. */
export function hash(from: u32, length: u32, seed: u32): u32 {
  let at = from;
  const to = from + length;
  let sum: u32 = seed + 374761393;
  if (length >= 16) {
    let a: u32 = seed + 2654435761 + 2246822519;
    let b: u32 = seed + 2246822519;
    let c: u32 = seed;
    let d: u32 = seed - 2654435761;
    for (; at + 16 <= to; at += 16) {
      a = round(a, load<u32>(at));
      b = round(b, load<u32>(at + 4));
      c = round(c, load<u32>(at + 8));
      d = round(d, load<u32>(at + 12));
    }
    sum = rotl<u32>(a, 1) + rotl<u32>(b, 7) + rotl<u32>(c, 12) + rotl<u32>(d, 18);
  }
  sum += length;
  for (; at + 4 <= to; at += 4) sum = rotl<u32>(sum + load<u32>(at) * 3266489917, 17) * 668265263;
  for (; at < to; at++) sum = rotl<u32>(sum + <u32>load<u8>(at) * 374761393, 11) * 2654435761;
  sum = (sum ^ (sum >> 15)) * 2246822519;
  sum = (sum ^ (sum >> 13)) * 3266489917;
  sum ^= sum >> 16;
  return sum === 0 ? 1 : sum;
}
