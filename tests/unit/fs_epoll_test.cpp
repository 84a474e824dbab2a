// Epoll as an object: rounds of what is ready, what listening costs nobody, and who goes first at the end.
#include "fs/events/epoll.hpp"
#include "fs/events/event_counter.hpp"
#include "fs_support.hpp"

namespace cv6::test {
namespace {

class Told final : public EpollSink {
 public:
  bool put(std::uint32_t, std::uint64_t data) override {
    if (list.size() == room) return false;
    list.push_back(data);
    return true;
  }
  std::vector<std::uint64_t> list;
  std::size_t room = 100;
};

class EpollObject : public FsTest {
 protected:
  void SetUp() override {
    FsTest::SetUp();
    file = *Epoll::open(Credentials::root());
    epoll = Epoll::of(*file);
  }
  void TearDown() override {
    file = {};
    FsTest::TearDown();
  }

  static Ref<File> counter(std::uint64_t value = 0) {
    return *make_event_counter(value, EventReads::everything, open_flag::nonblock, Credentials::root());
  }
  static void count(File& counter) {
    const std::uint64_t one = 1;
    IoBuffer bytes = IoBuffer::kernel(std::span<const char>(reinterpret_cast<const char*>(&one), sizeof one));
    EXPECT_TRUE(counter.write(bytes));
  }
  static void take(File& counter) {
    char value[8];
    IoBuffer bytes = IoBuffer::kernel(std::span<char>(value));
    EXPECT_TRUE(counter.read(bytes));
  }
  Result<void> add(File& target, std::uint64_t data, std::uint32_t events = poll_event::in) {
    return epoll->add(target, static_cast<int>(data), {events, data});
  }
  std::vector<std::uint64_t> told(unsigned most = 100) {
    Told sink;
    EXPECT_TRUE(epoll->collect(sink, most));
    return sink.list;
  }
  using List = std::vector<std::uint64_t>;

  Ref<File> file;
  Epoll* epoll = nullptr;
};

TEST_F(EpollObject, LevelsComeAgainBehindTheOthers) {
  const Ref<File> files[] = {counter(1), counter(1), counter(1)};
  for (unsigned i = 0; i < 3; ++i) EXPECT_TRUE(add(*files[i], i));
  EXPECT_EQ(told(2), (List{0, 1}));
  EXPECT_EQ(told(2), (List{2, 0}));
  EXPECT_EQ(told(), (List{1, 2, 0}));
  take(*files[2]);
  EXPECT_EQ(told(), (List{1, 0}));
}

TEST_F(EpollObject, EdgesComeOnce) {
  const Ref<File> file_a = counter();
  EXPECT_TRUE(add(*file_a, 7, poll_event::in | epoll_flag::edge_triggered));
  EXPECT_EQ(told(), List{});
  count(*file_a);
  count(*file_a);
  EXPECT_EQ(told(), (List{7}));
  EXPECT_EQ(told(), List{});
  count(*file_a);
  EXPECT_EQ(told(), (List{7}));
}

TEST_F(EpollObject, OneShotsWaitToBeModified) {
  const Ref<File> once = counter(1);
  EXPECT_TRUE(add(*once, 3, poll_event::in | epoll_flag::one_shot));
  EXPECT_EQ(told(), (List{3}));
  count(*once);
  EXPECT_EQ(told(), List{});
  EXPECT_TRUE(epoll->modify(*once, 3, {poll_event::in, 4}));
  EXPECT_EQ(told(), (List{4}));
}

TEST_F(EpollObject, WhatCannotBeToldStays) {
  const Ref<File> first = counter(1), second = counter(1);
  EXPECT_TRUE(add(*first, 1, poll_event::in | epoll_flag::edge_triggered));
  EXPECT_TRUE(add(*second, 2, poll_event::in | epoll_flag::edge_triggered));
  Told none;
  none.room = 0;
  EXPECT_EQ(error_of(epoll->collect(none, 10)), Error::fault);
  Told one;
  one.room = 1;
  EXPECT_EQ(*epoll->collect(one, 10), 1u);
  EXPECT_EQ(told(), (List{2}));
}

TEST_F(EpollObject, FilesGoFirst) {
  Ref<File> gone = counter(1);
  EXPECT_TRUE(add(*gone, 1));
  EXPECT_TRUE(epoll->add(*gone, 2, {poll_event::in, 2}));
  gone = {};
  EXPECT_EQ(told(), List{});
}

TEST_F(EpollObject, TheEpollGoesFirst) {
  const Ref<File> stays = counter();
  EXPECT_TRUE(add(*stays, 1));
  file = {};
  count(*stays);  // nobody listens
}

TEST_F(EpollObject, WithoutMemory) {
  for_each_allocation_failure([&] {
    const auto made = Epoll::open(Credentials::root());
    if (!made) return;
    const auto event = make_event_counter(1, EventReads::one, 0, Credentials::root());
    if (!event) return;
    if (Epoll::of(**made)->add(**event, 1, {poll_event::in, 1})) return;
    Told none;
    EXPECT_EQ(*Epoll::of(**made)->collect(none, 1), 0u);
  });
}

TEST_F(EpollObject, Nesting) {
  std::vector<Ref<File>> row{file};
  for (unsigned i = 1; i < Epoll::most_in_a_row; ++i) {
    row.push_back(*Epoll::open(Credentials::root()));
    EXPECT_TRUE(Epoll::of(*row[i])->add(*row[i - 1], 1, {poll_event::in, i}));
  }
  const Ref<File> outermost = *Epoll::open(Credentials::root());
  EXPECT_EQ(error_of(Epoll::of(*outermost)->add(*row.back(), 1, {poll_event::in, 1})), Error::loop);
  EXPECT_EQ(error_of(epoll->add(*row.back(), 1, {poll_event::in, 1})), Error::loop);
  const Ref<File> event = counter();
  EXPECT_TRUE(add(*event, 9));
  EXPECT_EQ(row.back()->poll(nullptr), 0);
  count(*event);
  EXPECT_EQ(row.back()->poll(nullptr), poll_event::readable);
  take(*event);
  EXPECT_EQ(row.back()->poll(nullptr), 0);
}

}  // namespace
}  // namespace cv6::test
