/* gen.c - writes a trace and says what a perfect reassembler reports of it, as one JSON object.
 *
 *   gen plan=W5 trace=FILE [seed=N] [FIELD=N ...]       the plans and their fields: plan.c, plan.h
 *
 * Same arguments, same bytes. Each round visits the connections that are active in another order,
 * so that neither order of creation nor that of the last round helps a prefetcher. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialog.h"
#include "pcap_out.h"
#include "random.h"
#include "words.h"

enum { PATTERN_BYTES = 1 << 20, PATTERN_MORE = 1 << 16 };

struct scene {
  struct world world;
  struct pcap_out out;
  struct dialog *dialogs; /* plan.active of them */
  uint64_t begun;         /* connections */
  uint64_t alive;         /* dialogs that are not over for good */
};

static void *need(void *memory) {
  if (memory) return memory;
  fputs("out of memory\n", stderr);
  exit(1);
}

static void fill_pattern(struct world *world) {
  world->pattern = need(malloc(PATTERN_BYTES + PATTERN_MORE));
  for (size_t i = 0; i < PATTERN_BYTES; i += 8) {
    uint64_t draw = random_next(&world->rng);
    memcpy(world->pattern + i, &draw, 8);
  }
  memcpy(world->pattern + PATTERN_BYTES, world->pattern, PATTERN_MORE);
}

static int has_detours(const struct plan *plan) {
  return plan->late + plan->lost + plan->again > 0;
}

/* The next connection takes the place; without one it stays empty. */
static int replace(struct scene *scene, struct dialog *dialog) {
  if (scene->begun == scene->world.plan.connections) return 0;
  dialog_begin(dialog, &scene->world, (uint32_t)scene->begun++);
  return 1;
}

/* Rounds that a connection lasts, roughly. */
static uint64_t lifetime(const struct plan *plan) {
  uint64_t segment = plan->segment ? plan->segment : 300;
  return 6 + plan->exchanges * (plan->request / segment + plan->response / segment + 2);
}

/* Where connections follow each other they do not begin all at once. */
static void begin(struct scene *scene) {
  struct plan *plan = &scene->world.plan;
  struct delay *delays = has_detours(plan) ? need(calloc(plan->active, 2 * sizeof *delays)) : NULL;
  scene->dialogs = need(calloc(plan->active, sizeof *scene->dialogs));
  scene->alive = plan->active;
  for (uint64_t i = 0; i < plan->active; i++) {
    scene->dialogs[i].delay = delays ? delays + 2 * i : NULL;
    replace(scene, &scene->dialogs[i]);
    if (plan->connections > plan->active)
      scene->dialogs[i].wait = (uint32_t)random_below(&scene->world.rng, lifetime(plan));
  }
}

static void flood(struct scene *scene) {
  for (uint64_t i = 0; i < scene->world.plan.flood; i++)
    pcap_out_stranger(&scene->out, &scene->world, (uint32_t)scene->world.truth.strangers++);
}

/* One segment of one connection, or of the one that follows it. */
static void visit(struct scene *scene, struct dialog *dialog) {
  struct segment segment;
  if (dialog->wait == UINT32_MAX) return;
  if (dialog->wait > 0) {
    dialog->wait--;
    return;
  }
  while (!dialog_next(dialog, &scene->world, &segment))
    if (!replace(scene, dialog)) {
      dialog->wait = UINT32_MAX;
      scene->alive--;
      return;
    }
  pcap_out_segment(&scene->out, &scene->world, dialog->id, &segment);
  flood(scene);
}

/* Every dialog once: a counter of full period mod a power of two, its high bits mixed into the
 * low. */
static void play_round(struct scene *scene) {
  uint64_t active = scene->world.plan.active, size = 1;
  unsigned half = 0;
  while (size < active) size *= 2, half++;
  half = (half + 1) / 2;
  uint64_t factor = random_next(&scene->world.rng) << 2 | 1,
           add = random_next(&scene->world.rng) | 1, at = 0;
  for (uint64_t i = 0; i < size; i++) {
    at = (at * factor + add) & (size - 1);
    uint64_t place = at ^ (at >> half);
    if (place < active) visit(scene, &scene->dialogs[place]);
  }
}

static void print_truth(const struct world *world, const struct truth *truth) {
  printf("{\"plan\":\"%s\",\"packets\":%" PRIu64 ",\"connections\":%" PRIu64
         ",\"strangers\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"missed\":%" PRIu64 ",\"fin\":%" PRIu64
         ",\"rst\":%" PRIu64 ",\"active\":%" PRIu64 ",\"digest\":\"%016" PRIx64 "\"}\n",
         world->plan.name, truth->packets, truth->connections, truth->strangers, truth->bytes,
         truth->missed, truth->fin, truth->rst, world->plan.active, truth->digest);
}

int main(int argc, char **argv) {
  (void)argc;
  static struct scene scene;
  scene.world.plan = plan_read(argv, " plan trace seed ");
  scene.world.seed = scene.world.rng = number_of(argv, "seed", 1);
  fill_pattern(&scene.world);
  pcap_out_open(&scene.out, needed(argv, "trace"));
  begin(&scene);
  while (scene.alive > 0) play_round(&scene);
  pcap_out_close(&scene.out);
  scene.world.truth.packets = scene.out.packets;
  print_truth(&scene.world, &scene.world.truth);
  return 0;
}
