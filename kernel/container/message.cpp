#include "container/message.hpp"

namespace cv6 {

Result<Own<Message>> Message::create(const MessageBytes& bytes, Ref<Container> counted_in) {
  Own<Message> message = TRY(make_own<Message>());
  message->bytes = bytes;
  if (!counted_in->messages().charge(1)) return Error::again;
  message->counted_in = std::move(counted_in);
  return message;
}

Message::~Message() {
  if (counted_in) counted_in->messages().uncharge(1);
}

}  // namespace cv6
