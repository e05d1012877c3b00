/* arena.c - see arena.h. What is known of the pages lies side by side in front of them: headers in
 * the pages themselves, 16 KiB apart, would share a few sets of every cache, and miss in all. A
 * page only begins with a pointer to its arena; its blocks follow. Free blocks of a page form a
 * list through their first four bytes; blocks that were never handed out are not touched. Floor
 * 1. */
#include "arena.h"

#include <string.h>

#define PAGE_HEADER TCPTALE_ARENA_HEAD /* of which a pointer is used: see tcptale_arena_of */
#define UNIT        TCPTALE_ARENA_UNIT
#define ALIGN       ((size_t)64)

struct tcptale_arena_page {
  uint32_t free_head; /* reference of the first returned block */
  uint32_t next;      /* neighbours in the list of the class, or of free pages */
  uint32_t prev;
  uint16_t used;  /* blocks handed out */
  uint16_t fresh; /* blocks never handed out begin with this number */
  uint32_t cls;
};

static const uint16_t class_size[TCPTALE_ARENA_CLASSES] = {
    32, 64, 96, 128, 160, 192, 256, 320, 384, 448, 512, 1024, 1536, 2048, 4064};

static struct tcptale_arena_page *page_at(const struct tcptale_arena *arena, uint32_t number) {
  return &arena->table[number - arena->page_first];
}

static void *start_of(const struct tcptale_arena *arena, uint32_t number) {
  return arena->base + (size_t)number * TCPTALE_ARENA_PAGE;
}

#define BLOCKS(size) ((uint16_t)((TCPTALE_ARENA_PAGE - PAGE_HEADER) / (size)))

static const uint16_t class_blocks[TCPTALE_ARENA_CLASSES] = {
    BLOCKS(32),  BLOCKS(64),   BLOCKS(96),   BLOCKS(128),  BLOCKS(160),
    BLOCKS(192), BLOCKS(256),  BLOCKS(320),  BLOCKS(384),  BLOCKS(448),
    BLOCKS(512), BLOCKS(1024), BLOCKS(1536), BLOCKS(2048), BLOCKS(4064)};

static uint32_t page_blocks(uint32_t cls) {
  return class_blocks[cls];
}

static size_t pages_for(size_t len) {
  return (len + TCPTALE_ARENA_PAGE - 1) / TCPTALE_ARENA_PAGE;
}

static size_t aligned(size_t len) {
  return (len + ALIGN - 1) & ~(ALIGN - 1);
}

/* The bytes of the table of so many pages. */
static size_t table_bytes(size_t pages) {
  return aligned(pages * sizeof(struct tcptale_arena_page));
}

/* The pages that `len` bytes hold, with their table. */
static size_t pages_in(size_t len) {
  size_t pages = len / (TCPTALE_ARENA_PAGE + sizeof(struct tcptale_arena_page));
  return pages * TCPTALE_ARENA_PAGE + table_bytes(pages) <= len ? pages : pages - 1;
}

uint32_t tcptale_arena_init(struct tcptale_arena *arena, void *base, size_t len,
                            size_t fixed_bytes) {
  memset(arena, 0, sizeof *arena);
  uintptr_t start = (uintptr_t)base / TCPTALE_ARENA_PAGE * TCPTALE_ARENA_PAGE;
  size_t table_at = aligned(fixed_bytes);
  size_t taken = table_at + TCPTALE_ARENA_PAGE - ALIGN; /* and what is lost up to a page's start */
  size_t limit = ((size_t)UINT32_MAX / TCPTALE_ARENA_PAGE) * UNIT;
  if (len <= taken) return 0;
  size_t pages = pages_in(len - taken), front = table_at + table_bytes(pages);
  size_t first = pages_for((uintptr_t)base - start + front);
  if (first + pages > limit) pages = limit - first;
  arena->base = (uint8_t *)start;
  arena->table = (struct tcptale_arena_page *)(void *)((uint8_t *)base + table_at);
  arena->pages = (uint32_t)pages;
  arena->page_count = (uint32_t)(pages_for(front) + pages);
  arena->page_first = arena->page_fresh = (uint32_t)first;
  arena->page_end = (uint32_t)(first + pages);
  return arena->pages;
}

static void list_push(struct tcptale_arena *arena, struct tcptale_arena_page *page,
                      uint32_t number) {
  uint32_t head = arena->partial[page->cls];
  page->next = head;
  page->prev = 0;
  if (head) page_at(arena, head)->prev = number;
  arena->partial[page->cls] = number;
}

static void list_remove(struct tcptale_arena *arena, struct tcptale_arena_page *page) {
  if (page->prev) page_at(arena, page->prev)->next = page->next;
  else arena->partial[page->cls] = page->next;
  if (page->next) page_at(arena, page->next)->prev = page->prev;
}

/* Lets a page begin with whose it is. */
static void own(struct tcptale_arena *arena, uint32_t number) {
  memcpy(start_of(arena, number), &arena, sizeof arena);
}

/* A page for the class, 0 when there is none. */
static uint32_t page_take(struct tcptale_arena *arena, uint32_t cls) {
  uint32_t number = arena->page_free;
  if (number) {
    arena->page_free = page_at(arena, number)->next;
  } else {
    if (arena->page_fresh == arena->page_end) return 0;
    number = arena->page_fresh++;
  }
  struct tcptale_arena_page *page = page_at(arena, number);
  memset(page, 0, sizeof *page);
  page->cls = cls;
  own(arena, number);
  arena->pages_used++;
  return number;
}

static void page_return(struct tcptale_arena *arena, struct tcptale_arena_page *page,
                        uint32_t number) {
  page->next = arena->page_free;
  arena->page_free = number;
  arena->pages_used--;
}

static uint32_t page_of(uint32_t ref) {
  return (uint32_t)((size_t)ref * UNIT / TCPTALE_ARENA_PAGE);
}

uint32_t tcptale_arena_alloc(struct tcptale_arena *arena, enum tcptale_arena_class cls) {
  uint32_t number = arena->partial[cls];
  if (!number) {
    number = page_take(arena, cls);
    if (!number) return TCPTALE_ARENA_NONE;
    list_push(arena, page_at(arena, number), number);
  }
  struct tcptale_arena_page *page = page_at(arena, number);
  uint32_t ref = page->free_head;
  if (ref) {
    memcpy(&page->free_head, tcptale_arena_at(arena, ref), sizeof page->free_head);
  } else {
    size_t at = (size_t)number * TCPTALE_ARENA_PAGE + PAGE_HEADER;
    ref = (uint32_t)((at + (size_t)page->fresh * class_size[cls]) / UNIT);
    page->fresh++;
  }
  page->used++;
  arena->used_bytes += class_size[cls];
  if (page->used == page_blocks(cls)) list_remove(arena, page);
  return ref;
}

void tcptale_arena_release(struct tcptale_arena *arena, uint32_t ref) {
  uint32_t number = page_of(ref);
  struct tcptale_arena_page *page = page_at(arena, number);
  if (page->used == page_blocks(page->cls)) list_push(arena, page, number);
  memcpy(tcptale_arena_at(arena, ref), &page->free_head, sizeof page->free_head);
  page->free_head = ref;
  page->used--;
  arena->used_bytes -= class_size[page->cls];
  if (page->used > 0) return;
  list_remove(arena, page);
  page_return(arena, page, number);
}

uint32_t tcptale_arena_take_pages(struct tcptale_arena *arena, uint32_t count) {
  uint32_t first = arena->page_fresh;
  if (count > arena->page_end - first) return TCPTALE_ARENA_NONE;
  for (uint32_t number = first; number < first + count; number++) own(arena, number);
  arena->page_fresh += count;
  arena->page_count -= count;
  arena->pages -= count;
  return (uint32_t)((size_t)first * TCPTALE_ARENA_PAGE / UNIT);
}

size_t tcptale_arena_class_size(enum tcptale_arena_class cls) {
  return class_size[cls];
}
