// A message of 8 bytes between processes of containers, on its way. Charged, as an object, to who sent it, and counted among
// the messages that the receiver's container may have waiting.
#pragma once

#include <array>

#include "container/container.hpp"

namespace cv6 {

using MessageBytes = std::array<std::byte, 8>;

struct Message : Charged<Message, "message"> {
  // Error::again: the container has as many as it may; nomem.
  static Result<Own<Message>> create(const MessageBytes& bytes, Ref<Container> counted_in);
  ~Message();

  MessageBytes bytes;
  Ref<Container> counted_in;  // null: nowhere yet
  ListNode node;
};

}  // namespace cv6
