// Sockets without a processor to wait on: messages against a model, files on their way, names, and memory that runs out.
#include "net/socket_file.hpp"

#include <sanitizer/lsan_interface.h>

#include <deque>
#include <random>

#include "container/manager.hpp"
#include "fs_support.hpp"

namespace cv6 {

// Whoever sends in these tests is nobody in particular.
SocketUser current_socket_user() { return {nullptr, Ref<const Credentials>(&Credentials::root())}; }

namespace test {
namespace {

class Sockets : public MachineTest {
 protected:
  void SetUp() override {
    start_machine();
    static const bool ready = [] {
      const __lsan::ScopedDisabler kept_for_good;
      if (!anonymous::initialise() || !ContainerManager::initialise()) return false;
      static Tree files = Tree::on_tmpfs();
      ContainerManager::host().set_root(files.root());
      tree_ = &files;
      return true;
    }();
    ASSERT_TRUE(ready);
    MachineTest::SetUp();
  }

  static SocketCaller caller() { return {tree_->caller(), ContainerManager::host(), current_socket_user()}; }
  static Ref<SocketFile> file_of(const Ref<UnixSocket>& socket) {
    return *SocketFile::create(socket, open_flag::nonblock, Credentials::root(), Mount::no_tree);
  }
  struct Ends {
    Ref<SocketFile> one, other;
  };
  static Ends pair(SocketType type = SocketType::stream) {
    const UnixSocket::Pair sockets = *UnixSocket::make_pair(type, current_socket_user());
    return {file_of(sockets.first), file_of(sockets.second)};
  }
  static Result<std::size_t> send(File& file, std::string_view text) {
    IoBuffer from = IoBuffer::kernel(std::span(text));
    return file.write(from);
  }
  static Result<std::string> receive(File& file, std::size_t most = 1000) {
    std::string text(most, '\0');
    IoBuffer to = IoBuffer::kernel(std::span(text));
    text.resize(TRY(file.read(to)));
    return text;
  }
  static Result<std::size_t> pass(File& by, std::initializer_list<Ref<File>> files) {
    SendRequest request{.blocking = Blocking::no};
    request.files = TRY(make_own<PassedFiles>());
    request.container = Ref<Container>(&ContainerManager::host());
    for (const Ref<File>& file : files) TRY(request.files->add(file));
    IoBuffer from = IoBuffer::kernel(std::span<const char>("f", 1));
    return by.socket()->send(from, request);
  }

  static Tree* tree_;
};
Tree* Sockets::tree_ = nullptr;

TEST_F(Sockets, StreamIsAQueueOfBytes) {
  Ends ends = pair();
  std::deque<char> model;
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const std::size_t size = random() % (random() % 8 ? 300 : 20'000);
    if (random() % 2) {
      std::string text(size, '\0');
      for (char& c : text) c = static_cast<char>(random());
      const auto sent = send(*ends.one, text);
      if (sent)
        model.insert(model.end(), text.begin(), text.begin() + static_cast<std::ptrdiff_t>(*sent));
      else
        EXPECT_EQ(sent.error(), Error::again);
    } else if (size) {
      const auto got = receive(*ends.other, size);
      if (!got) {
        EXPECT_EQ(got.error(), Error::again);
        EXPECT_TRUE(model.empty());
        continue;
      }
      ASSERT_EQ(got->size(), std::min(size, model.size()));
      ASSERT_TRUE(std::equal(got->begin(), got->end(), model.begin()));
      model.erase(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(got->size()));
    }
    ASSERT_EQ(*ends.other->readable_bytes(), model.size());
    ASSERT_LE(ends.one->socket()->bytes_under_way(), UnixSocket::default_limit + 17 * page_size);
  }
}

TEST_F(Sockets, MessagesStayWhole) {
  Ends ends = pair(SocketType::datagram);
  std::deque<std::string> model;
  std::mt19937 random(8);
  for (int i = 0; i < 5'000; ++i) {
    if (random() % 2) {
      const std::string text(random() % 9000, static_cast<char>('a' + i % 26));
      if (send(*ends.one, text)) model.push_back(text);
    } else {
      const std::size_t room = 1 + random() % 9000;
      const auto got = receive(*ends.other, room);
      ASSERT_EQ(static_cast<bool>(got), !model.empty());
      if (!got) continue;
      ASSERT_EQ(*got, model.front().substr(0, room));
      model.pop_front();
    }
  }
}

TEST_F(Sockets, WhatIsUnderWayIsGivenBack) {
  Ends ends = pair();
  const std::string block(5000, 'b');
  while (send(*ends.one, block)) {
  }
  EXPECT_FALSE(ends.one->poll(nullptr) & poll_event::out);
  EXPECT_GT(ends.one->socket()->bytes_under_way(), 0u);
  Ref<SocketFile> sender = ends.one;
  ends.other = nullptr;  // with all that was in its queue
  EXPECT_EQ(sender->socket()->bytes_under_way(), 0u);
  EXPECT_EQ(sender->poll(nullptr) & (poll_event::hang_up | poll_event::error), poll_event::hang_up | poll_event::error);
  EXPECT_EQ(error_of(send(*sender, "x")), Error::pipe);
  EXPECT_EQ(error_of(receive(*sender)), Error::connreset);
}

TEST_F(Sockets, MemoryRunsOut) {
  for_each_allocation_failure([] {
    const auto sockets = UnixSocket::make_pair(SocketType::stream, current_socket_user());
    if (!sockets) return;
    const auto one = SocketFile::create(sockets->first, open_flag::nonblock, Credentials::root(), Mount::no_tree);
    const auto other = SocketFile::create(sockets->second, open_flag::nonblock, Credentials::root(), Mount::no_tree);
    if (!one) sockets->first->close();
    if (!other) sockets->second->close();
    if (!one || !other) return;
    (void)send(**one, "few");
    (void)send(**one, std::string(10'000, 'm'));
    (void)pass(**one, {*one});
    (void)receive(**other, 4);
    const auto listener = make<UnixSocket>(SocketType::stream);
    if (!listener) return;
    const auto file = SocketFile::create(*listener, open_flag::nonblock, Credentials::root(), Mount::no_tree);
    if (!file) return;
    const std::string name("\0name", 5);
    if (!(*listener)->bind(name, caller()) || !(*listener)->listen(1, current_socket_user())) return;
    const auto client = make<UnixSocket>(SocketType::stream);
    if (!client) return;
    const auto client_file = SocketFile::create(*client, open_flag::nonblock, Credentials::root(), Mount::no_tree);
    if (!client_file) return;
    if (!(*client)->connect(name, caller(), Blocking::no)) return;
    (void)pass(**client_file, {*one, *file});
    const auto accepted = (*listener)->accept(Blocking::no);
    ASSERT_TRUE(accepted);
    (*listener)->put_back(*accepted);
  });
}

// --- names -----------------------------------------------------------------------------------------------------------

TEST_F(Sockets, NamesOfTwoContainersAreTwo) {
  const Ref<Container> box = *ContainerManager::create(ContainerManager::host(), {});
  const std::string name("\0twice", 6);
  const auto outside = file_of(*make<UnixSocket>(SocketType::datagram)), inside = file_of(*make<UnixSocket>(SocketType::datagram));
  const SocketCaller in_box{tree_->caller(), *box, current_socket_user()};
  ASSERT_TRUE(outside->socket()->bind(name, caller()));
  EXPECT_EQ(error_of(SocketName::find(name, SocketType::datagram, in_box)), Error::connrefused);
  ASSERT_TRUE(inside->socket()->bind(name, in_box));
  EXPECT_EQ((*SocketName::find(name, SocketType::datagram, in_box)).get(), inside->socket());
  EXPECT_EQ((*SocketName::find(name, SocketType::datagram, caller())).get(), outside->socket());
  EXPECT_EQ(error_of(SocketName::find(name, SocketType::stream, caller())), Error::prototype);
  ContainerManager::remove(*box);
  box->let_go();
}

// --- sockets on their way --------------------------------------------------------------------------------------------

TEST_F(Sockets, NoCircles) {
  Ends a = pair(), b = pair();
  EXPECT_EQ(error_of(pass(*a.one, {a.other})), Error::toomanyrefs);  // into its own queue
  EXPECT_TRUE(pass(*a.one, {a.one}));
  EXPECT_TRUE(pass(*a.one, {b.other}));
  EXPECT_EQ(error_of(pass(*b.one, {a.other})), Error::toomanyrefs);
  EXPECT_TRUE(receive(*a.other));  // both, and lost
  EXPECT_TRUE(receive(*a.other));
  EXPECT_TRUE(pass(*b.one, {a.other}));
}

TEST_F(Sockets, ChainsInBothOrders) {
  Ends down[4], up[4];
  for (int i = 0; i < 4; ++i) down[i] = pair(), up[i] = pair();
  for (const int i : {0, 1, 2}) EXPECT_TRUE(pass(*down[i].one, {down[i + 1].other})) << i;
  for (const int i : {2, 1, 0}) EXPECT_TRUE(pass(*up[i].one, {up[i + 1].other})) << i;
}

// Whatever is passed, sockets that hold each other make no circle; and when all has arrived, nothing is remembered.
TEST_F(Sockets, NeverACircleWhateverIsPassed) {
  constexpr std::size_t count = 12;
  std::vector<Ends> ends;
  for (std::size_t i = 0; i < count; ++i) ends.push_back(pair());
  std::vector<std::deque<std::size_t>> holds(count);  // the queue of ends[i].other holds ends[n].other
  const auto reaches = [&](std::size_t from, std::size_t to) {
    std::vector<std::size_t> found{from};
    for (std::size_t i = 0; i < found.size(); ++i)
      for (const std::size_t next : holds[found[i]])
        if (std::ranges::find(found, next) == found.end()) found.push_back(next);
    return std::ranges::find(found, to) != found.end();
  };
  std::mt19937 random(9);
  int passed = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::size_t holder = random() % count, other = random() % count;
    if (random() % 5 < 3) {
      const auto outcome = pass(*ends[holder].one, {ends[other].other});
      if (outcome) {
        ASSERT_FALSE(reaches(other, holder));
        holds[holder].push_back(other);
        ++passed;
      } else {
        ASSERT_EQ(outcome.error(), Error::toomanyrefs);
      }
    } else if (!holds[holder].empty()) {
      ASSERT_TRUE(receive(*ends[holder].other, 1));
      holds[holder].pop_front();
    }
  }
  EXPECT_GT(passed, 1000);
  for (std::size_t i = 0; i < count; ++i)
    for (; !holds[i].empty(); holds[i].pop_front()) ASSERT_TRUE(receive(*ends[i].other, 1));
  for (const Ends& one : ends) {
    const PassingState& state = one.other->socket()->passing();
    EXPECT_EQ(state.height + state.held_by + state.holds, 0u);
    EXPECT_EQ(state.ceiling, PassingState::height_limit);
  }
}

TEST_F(Sockets, WhatWaitsToBeAcceptedCountsForTheListener) {
  const auto listener = file_of(*make<UnixSocket>(SocketType::stream)), client = file_of(*make<UnixSocket>(SocketType::stream));
  const std::string name("\0counts", 7);
  ASSERT_TRUE(listener->socket()->bind(name, caller()));
  ASSERT_TRUE(listener->socket()->listen(1, current_socket_user()));
  ASSERT_TRUE(client->socket()->connect(name, caller(), Blocking::no));
  Ends carrier = pair();
  EXPECT_TRUE(pass(*carrier.one, {listener}));
  EXPECT_EQ(error_of(pass(*client, {listener})), Error::toomanyrefs);
  EXPECT_EQ(error_of(pass(*client, {carrier.other})), Error::toomanyrefs);
  EXPECT_TRUE(pass(*client, {carrier.one}));
  const Ref<UnixSocket> accepted = *listener->socket()->accept(Blocking::no);
  const auto server = file_of(accepted);
  EXPECT_EQ(error_of(pass(*carrier.other, {server})), Error::toomanyrefs) << "it holds the socket which that is for";
  listener->socket()->note_accepted(*accepted);
  EXPECT_EQ(error_of(pass(*carrier.other, {server})), Error::toomanyrefs) << "as before";
  EXPECT_EQ(listener->socket()->passing().holds, 0u);
  EXPECT_EQ(accepted->passing().holds, 1u);
  EXPECT_TRUE(pass(*client, {listener}));
}

}  // namespace
}  // namespace test
}  // namespace cv6
