#pragma once
// After a flood: memory that is free again but still this process's.
namespace gauntlet::base {

/// Has tcmalloc return its free pages to the system; nothing in a program without it. Some milliseconds for 100 MB.
void give_back_free_memory();

}  // namespace gauntlet::base
