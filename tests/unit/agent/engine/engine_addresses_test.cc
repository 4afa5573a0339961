#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>

#include "agent/engine/address_book.h"
#include "agent/engine/resolver.h"

namespace broadside {
namespace {

SocketAddress Address(const std::string& host) { return *SocketAddress::FromLiteral(host, 80); }

TEST(AddressBookTest, EveryAddressComesOnceARound) {
  AddressBook book(7);
  book.Update({Address("10.0.0.1"), Address("10.0.0.2"), Address("10.0.0.3")});
  for (int round = 0; round < 3; ++round) {
    std::set<size_t> seen;
    for (int i = 0; i < 3; ++i) seen.insert(*book.Next());
    EXPECT_EQ(seen.size(), 3u);
  }
}

TEST(AddressBookTest, AnAddressIsRetiredWhenTwoAnswersLackIt) {
  AddressBook book(7);
  const SocketAddress stays = Address("10.0.0.1");
  book.Update({stays, Address("10.0.0.2")});
  book.Update({stays});
  EXPECT_FALSE(book.IsRetired(1));
  book.Update({stays});
  EXPECT_TRUE(book.IsRetired(1));
  EXPECT_EQ(book.Next(), 0u);
  EXPECT_EQ(book.Next(), 0u);
}

TEST(AddressBookTest, AnAddressThatComesBackIsUsedAgain) {
  AddressBook book(7);
  for (int i = 0; i < 3; ++i) book.Update(i == 0 ? AddressAnswer{Address("::1")} : AddressAnswer{});
  EXPECT_EQ(book.Next(), std::nullopt);
  book.Update({Address("::1")});
  EXPECT_EQ(book.Next(), 0u);
}

TEST(AddressBookTest, AnAddressThatIsGoneForLongGivesItsPlaceToAnother) {
  AddressBook book(7);
  const SocketAddress stays = Address("10.0.0.1");
  book.Update({stays, Address("10.0.0.2")});
  for (int i = 0; i < AddressBook::kMissedMax - 1; ++i) book.Update({stays});
  book.Update({stays, Address("10.0.0.3")});  // the 64th without the second one
  EXPECT_EQ(book.at(1), Address("10.0.0.3"));
  EXPECT_FALSE(book.IsRetired(1));
  book.Update({stays, Address("10.0.0.2"), Address("10.0.0.3")});
  EXPECT_EQ(book.at(2), Address("10.0.0.2")) << "known no more, and new again";
}

TEST(AddressBookTest, AnAddressThatIsGoneForLessKeepsItsPlace) {
  AddressBook book(7);
  const SocketAddress stays = Address("10.0.0.1");
  book.Update({stays, Address("10.0.0.2")});
  for (int i = 0; i < AddressBook::kMissedMax - 2; ++i) book.Update({stays});
  book.Update({stays, Address("10.0.0.3")});
  EXPECT_EQ(book.at(1), Address("10.0.0.2"));
  EXPECT_EQ(book.at(2), Address("10.0.0.3"));
}

TEST(AddressBookTest, ANameOfTooManyAddressesIsUsedUpToTheBound) {
  AddressBook book(7);
  AddressAnswer answer;
  for (size_t i = 0; i < AddressBook::kEntriesMax + 10; ++i) {
    answer.push_back(Address("10.1." + std::to_string(i / 256) + "." + std::to_string(i % 256)));
  }
  book.Update(answer);
  std::set<size_t> seen;
  for (size_t i = 0; i < answer.size(); ++i) seen.insert(*book.Next());
  EXPECT_EQ(seen.size(), AddressBook::kEntriesMax);
}

TEST(AddressBookTest, ItIsUnknownUntilTheFirstAnswer) {
  AddressBook book(7);
  EXPECT_FALSE(book.known());
  book.Update({});
  EXPECT_TRUE(book.known());
  EXPECT_EQ(book.Next(), std::nullopt);
}

// Collects answers and waits for them.
class Answers {
 public:
  void Add(const AddressAnswer& answer) {
    const std::lock_guard lock(mutex_);
    answers_.push_back(answer);
    changed_.notify_all();
  }
  std::vector<AddressAnswer> WaitFor(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, Seconds(10), [&] { return answers_.size() >= count; });
    return answers_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<AddressAnswer> answers_;
};

TEST(ResolverTest, ALookupIsRepeated) {
  Answers answers;
  const Lookup lookup = [](const std::string&, uint16_t) { return AddressAnswer{Address("::1")}; };
  Resolver resolver("a", 80, [&](const AddressAnswer& a) { answers.Add(a); }, lookup,
                    {Millis(1), Seconds(10)});
  EXPECT_EQ(answers.WaitFor(3).at(2), AddressAnswer{Address("::1")});
}

TEST(ResolverTest, AFailureIsNoAnswerUnlessItIsTheFirst) {
  Answers answers;
  // Shared with the thread of the lookups, which may be in one when the resolver goes.
  const auto calls = std::make_shared<std::atomic<int>>(0);
  const Lookup lookup = [calls](const std::string&, uint16_t) -> std::optional<AddressAnswer> {
    if (++*calls % 2 == 1) return std::nullopt;
    return AddressAnswer{Address("::1")};
  };
  Resolver resolver("a", 80, [&](const AddressAnswer& a) { answers.Add(a); }, lookup,
                    {Millis(1), Seconds(10)});
  // Failure, answer, failure, answer: the first failure counts.
  const std::vector<AddressAnswer> seen = answers.WaitFor(3);
  EXPECT_TRUE(seen.at(0).empty());
  EXPECT_EQ(seen.at(1).size(), 1u);
  EXPECT_EQ(seen.at(2).size(), 1u);
}

TEST(ResolverTest, AHangingLookupGivesAnEmptyAnswerAndHoldsNothingUp) {
  // Shared with the thread that is left behind.
  struct Gate {
    std::mutex mutex;
    std::condition_variable changed;
    bool entered = false;
    bool open = false;
    bool left = false;
  };
  auto gate = std::make_shared<Gate>();
  Answers answers;
  {
    const Lookup lookup = [gate](const std::string&, uint16_t) {
      std::unique_lock lock(gate->mutex);
      gate->entered = true;
      gate->changed.notify_all();
      gate->changed.wait(lock, [&] { return gate->open; });
      gate->left = true;
      gate->changed.notify_all();
      return AddressAnswer{Address("::1")};
    };
    Resolver resolver("a", 80, [&](const AddressAnswer& a) { answers.Add(a); }, lookup,
                      {Seconds(10), Millis(1)});
    EXPECT_TRUE(answers.WaitFor(1).at(0).empty());
    // A resolver that goes before its thread has come so far looks nothing up.
    std::unique_lock lock(gate->mutex);
    gate->changed.wait(lock, [&] { return gate->entered; });
  }  // does not wait for the lookup
  std::unique_lock lock(gate->mutex);
  gate->open = true;
  gate->changed.notify_all();
  gate->changed.wait(lock, [&] { return gate->left; });
  EXPECT_EQ(answers.WaitFor(1).size(), 1u);
}

}  // namespace
}  // namespace broadside
