// What the gate of the caller's container does with a call that may not pass unseen (container/gate.hpp): refuses it, or
// lets it run and logs it. The same for every ABI.
#pragma once

#include "abi/call_table.hpp"

namespace cv6::abi {

struct GatedCall {
  CallAbi abi;
  std::uint8_t traits;  // call_trait
  std::uint32_t number;
  Invoke invoke;
  // The ABI's: brings a result into the registers.
  void (*finish)(Context& context, const Result<long>& result);
};

// Runs the call, or not, and finishes it: with Error::perm if it is denied. Does not return where the call does not, or
// where a denied call ends the process.
void attend_call(Context& context, const GatedCall& call);

// The row of a call; null: unknown.
const CallRow* find_call(CallAbi abi, std::uint64_t number);

}  // namespace cv6::abi
