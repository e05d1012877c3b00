/* dialog.c - see dialog.h. */
#include "dialog.h"

#include <string.h>

#include "random.h"
#include "tcptale/packet.h"

enum { CLIENT, SERVER };
enum { HANDSHAKE, TALK, END };
enum { PATTERN_MASK = (1 << 20) - 1 };
enum {
  SYN = TCPTALE_TCP_SYN,
  ACK = TCPTALE_TCP_ACK,
  FIN = TCPTALE_TCP_FIN,
  RST = TCPTALE_TCP_RST,
  PSH = TCPTALE_TCP_PSH
};

/* A segment of the handshake or of the end. */
struct step {
  uint8_t dir;
  uint8_t flags;
  uint8_t len;
};

static const struct step handshake[] = {
    {CLIENT, SYN, 0}, {SERVER, SYN | ACK, 0}, {CLIENT, ACK, 0}, {0, 0, 0}};
static const struct step by_fin[] = {
    {CLIENT, FIN | ACK, 0}, {SERVER, FIN | ACK, 0}, {CLIENT, ACK, 0}, {0, 0, 0}};
static const struct step by_client_rst[] = {{CLIENT, RST | ACK, 0}, {0, 0, 0}};
static const struct step by_server_rst[] = {{SERVER, RST | ACK, 0}, {0, 0, 0}};
static const struct step never[] = {{0, 0, 0}};
static const struct step by_halves[] = {{CLIENT, FIN | ACK, 0},
                                        {SERVER, ACK, 0},
                                        {SERVER, ACK | PSH, 100},
                                        {SERVER, ACK | PSH, 100},
                                        {SERVER, FIN | ACK, 0},
                                        {CLIENT, ACK, 0},
                                        {0, 0, 0}};

static int chance(struct world *world, uint64_t share) {
  return share > 0 && random_below(&world->rng, PLAN_CHANCE_OF) < share;
}

int world_chosen(const struct world *world, uint32_t id, enum trait trait, uint64_t share) {
  if (share == 0) return 0;
  return (random_of(world->seed, trait, id) >> 32) * PLAN_CHANCE_OF >> 32 < share;
}

const uint8_t *world_stream(const struct world *world, uint32_t id, int dir, uint32_t offset) {
  uint32_t start =
      (uint32_t)random_of(world->seed, dir ? TRAIT_SERVER_BYTES : TRAIT_CLIENT_BYTES, id);
  return world->pattern + ((start + offset) & PATTERN_MASK);
}

static const struct step *end_of(const struct world *world, const struct dialog *dialog) {
  const struct plan *plan = &world->plan;
  if (world_chosen(world, dialog->id, TRAIT_LEFT_OPEN, plan->left_open)) return never;
  if (world_chosen(world, dialog->id, TRAIT_RESET, plan->reset))
    return dialog->id & 1 ? by_server_rst : by_client_rst;
  return world_chosen(world, dialog->id, TRAIT_HALF_CLOSE, plan->half_close) ? by_halves : by_fin;
}

static int is_midstream(const struct world *world, uint32_t id) {
  return world_chosen(world, id, TRAIT_MIDSTREAM, world->plan.midstream);
}

void dialog_begin(struct dialog *dialog, struct world *world, uint32_t id) {
  struct delay *delay = dialog->delay;
  *dialog = (struct dialog){.delay = delay, .id = id, .left = (uint32_t)world->plan.request};
  if (delay) memset(delay, 0, 2 * sizeof *delay);
  if (is_midstream(world, id)) {
    dialog->stage = TALK;
    dialog->next[CLIENT] = dialog->next[SERVER] = 1;
  }
  world->truth.connections++;
}

static uint32_t acked(const struct dialog *dialog, int dir) {
  return dialog->delay ? delay_acked(&dialog->delay[dir], dialog->next[dir]) : dialog->next[dir];
}

/* A segment at `seq` that acknowledges what the sender has. */
static struct segment say(const struct dialog *dialog, uint8_t dir, uint32_t seq, uint32_t len,
                          uint8_t flags) {
  uint32_t ack = flags & ACK ? acked(dialog, !dir) : 0;
  return (struct segment){.seq = seq, .ack = ack, .len = len, .dir = dir, .flags = flags};
}

/* Bytes of a stream that were sent and captured, or will be. */
static void note_bytes(const struct dialog *dialog, struct world *world, int dir, uint32_t seq,
                       uint32_t len) {
  const uint8_t *data = world_stream(world, dialog->id, dir, seq - 1);
  world->truth.digest += truth_digest(data, len, seq - 1);
  world->truth.bytes += len;
}

/* The next step of a list; 0 at its end. */
static int follow(struct dialog *dialog, struct world *world, const struct step *steps,
                  struct segment *out) {
  struct step step = steps[dialog->step];
  if (step.flags == 0) return 0;
  dialog->step++;
  *out = say(dialog, step.dir, dialog->next[step.dir], step.len, step.flags);
  if (step.len > 0) note_bytes(dialog, world, step.dir, out->seq, step.len);
  dialog->next[step.dir] += step.len + (step.flags & (SYN | FIN) ? 1u : 0u);
  return 1;
}

static uint32_t largest(const struct world *world, uint32_t id) {
  return world_chosen(world, id, TRAIT_IPV6, world->plan.ipv6) ? 1428 : 1448;
}

static uint32_t draw_size(const struct dialog *dialog, struct world *world) {
  uint64_t size = world->plan.segment;
  if (size == 0) {
    uint64_t draw = random_below(&world->rng, 12);
    size = draw < 7 ? 24 : draw < 11 ? 536 : 1448;
  }
  uint32_t most = largest(world, dialog->id);
  if (size > most) size = most;
  return size < dialog->left ? (uint32_t)size : dialog->left;
}

/* How far an overlapping segment of `len` new bytes reaches back. */
static uint32_t draw_reach(const struct dialog *dialog, struct world *world, uint32_t len) {
  uint32_t before = dialog->next[dialog->turn] - 1, room = largest(world, dialog->id) - len;
  if (before == 0 || !chance(world, world->plan.overlap)) return 0;
  uint32_t reach = 1 + (uint32_t)random_below(&world->rng, len);
  if (reach > before) reach = before;
  return reach < room ? reach : room;
}

/* Sends it on a detour; 0: it goes straight. What lies below a midstream stream's first segment
 * nobody can know, so that one is never late. */
static int detour(struct dialog *dialog, struct world *world, const struct segment *segment) {
  struct delay *delay = dialog->delay ? &dialog->delay[segment->dir] : NULL;
  const struct plan *plan = &world->plan;
  if (!delay || (segment->seq == 1 && is_midstream(world, dialog->id))) return 0;
  uint32_t soon = 1 + (uint32_t)random_below(&world->rng, 3);
  uint32_t later = 4 + (uint32_t)random_below(&world->rng, 16);
  if (chance(world, plan->late)) return delay_hold(delay, segment->seq, segment->len, soon, 0);
  if (chance(world, plan->lost)) return delay_hold(delay, segment->seq, segment->len, later, 0);
  if (chance(world, plan->again)) delay_hold(delay, segment->seq, segment->len, later, 1);
  delay->sent++;
  return 0;
}

/* New bytes of whoever's turn it is; 0: they took a detour, or were missed. */
static int speak(struct dialog *dialog, struct world *world, struct segment *out) {
  uint8_t dir = dialog->turn;
  uint32_t len = draw_size(dialog, world), reach = draw_reach(dialog, world, len),
           first = dialog->next[dir];
  dialog->next[dir] += len;
  dialog->left -= len;
  if (chance(world, world->plan.missed)) {
    world->truth.missed += len;
    return 0;
  }
  note_bytes(dialog, world, dir, first, len);
  dialog->unacked++;
  *out = say(dialog, dir, first - reach, len + reach, dialog->left == 0 ? ACK | PSH : ACK);
  out->lie = world->plan.conflict ? reach : 0;
  return !detour(dialog, world, out);
}

/* A segment that comes back from its detour. */
static int arrive(struct dialog *dialog, int all, struct segment *out) {
  struct delayed held;
  if (!dialog->delay || !delay_take(&dialog->delay[dialog->turn], all, &held)) return 0;
  *out = say(dialog, dialog->turn, held.seq, held.len, ACK);
  dialog->delay[dialog->turn].sent++;
  return 1;
}

/* Gives the word to the other; 0: all was said. */
static int pass_turn(struct dialog *dialog, const struct plan *plan) {
  if (dialog->turn == SERVER && ++dialog->exchange >= plan->exchanges) return 0;
  dialog->turn = !dialog->turn;
  dialog->left = (uint32_t)(dialog->turn == CLIENT ? plan->request : plan->response);
  dialog->unacked = 0;
  return 1;
}

static int listen(struct dialog *dialog, const struct plan *plan, struct segment *out) {
  uint8_t dir = !dialog->turn;
  if (plan->ack_every == 0 || dialog->unacked < plan->ack_every) return 0;
  dialog->unacked = 0;
  *out = say(dialog, dir, dialog->next[dir], 0, ACK);
  return 1;
}

static int talk(struct dialog *dialog, struct world *world, struct segment *out) {
  for (;;) {
    if (listen(dialog, &world->plan, out)) return 1;
    if (arrive(dialog, dialog->left == 0, out)) return 1;
    if (dialog->left == 0 && !pass_turn(dialog, &world->plan)) return 0;
    if (dialog->left > 0 && speak(dialog, world, out)) return 1;
  }
}

static void note_end(const struct step *end, struct truth *truth) {
  if (end == by_fin || end == by_halves) truth->fin++;
  if (end == by_client_rst || end == by_server_rst) truth->rst++;
}

int dialog_next(struct dialog *dialog, struct world *world, struct segment *out) {
  if (dialog->stage == HANDSHAKE && !follow(dialog, world, handshake, out)) dialog->stage = TALK;
  if (dialog->stage == HANDSHAKE) return 1;
  if (dialog->stage == TALK && talk(dialog, world, out)) return 1;
  const struct step *end = end_of(world, dialog);
  if (dialog->stage == TALK) {
    dialog->stage = END;
    dialog->step = 0;
    note_end(end, &world->truth);
  }
  return follow(dialog, world, end, out);
}
