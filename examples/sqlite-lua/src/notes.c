/* Runs a Lua script that finds the table `db` with db.open(path), and on what that returns
 * exec(sql, ...) : rows as tables of strings. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <sqlite3.h>
#include <stdio.h>

#define HANDLE "notes.database"

static sqlite3 **handle_of(lua_State *L)
{
    return luaL_checkudata(L, 1, HANDLE);
}

static int db_open(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    sqlite3 **handle = lua_newuserdatauv(L, sizeof *handle, 0);
    *handle = NULL;
    luaL_setmetatable(L, HANDLE);
    if (sqlite3_open(path, handle) != SQLITE_OK)
        return luaL_error(L, "%s: %s", path, sqlite3_errmsg(*handle));
    return 1;
}

static int db_close(lua_State *L)
{
    sqlite3 **handle = handle_of(L);
    sqlite3_close(*handle);
    *handle = NULL;
    return 0;
}

static void push_row(lua_State *L, sqlite3_stmt *statement)
{
    lua_newtable(L);
    for (int i = 0; i < sqlite3_column_count(statement); i++) {
        const char *text = (const char *)sqlite3_column_text(statement, i);
        lua_pushstring(L, text ? text : "");
        lua_setfield(L, -2, sqlite3_column_name(statement, i));
    }
}

static int db_exec(lua_State *L)
{
    sqlite3 *handle = *handle_of(L);
    sqlite3_stmt *statement;
    int step, last = lua_gettop(L);

    if (sqlite3_prepare_v2(handle, luaL_checkstring(L, 2), -1, &statement, NULL) != SQLITE_OK)
        return luaL_error(L, "%s", sqlite3_errmsg(handle));
    for (int i = 3; i <= last; i++)
        sqlite3_bind_text(statement, i - 2, luaL_checkstring(L, i), -1, SQLITE_TRANSIENT);
    lua_newtable(L);
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
        push_row(L, statement);
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    }
    sqlite3_finalize(statement);
    if (step != SQLITE_DONE)
        return luaL_error(L, "%s", sqlite3_errmsg(handle));
    return 1;
}

static int open_library(lua_State *L)
{
    static const luaL_Reg functions[] = {{"open", db_open}, {NULL, NULL}};
    static const luaL_Reg methods[] = {
        {"exec", db_exec}, {"close", db_close}, {"__gc", db_close}, {NULL, NULL}};

    luaL_newmetatable(L, HANDLE);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    return 1;
}

int main(int argc, char **argv)
{
    lua_State *L = luaL_newstate();
    int failed;

    if (argc < 2 || !L) {
        fprintf(stderr, "usage: notes SCRIPT [WORDS...]\n");
        return 2;
    }
    luaL_openlibs(L);
    luaL_requiref(L, "db", open_library, 1);
    lua_createtable(L, argc - 2, 0);
    for (int i = 2; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i - 1);
    }
    lua_setglobal(L, "arg");
    failed = luaL_dofile(L, argv[1]) != LUA_OK;
    if (failed)
        fprintf(stderr, "notes: %s\n", lua_tostring(L, -1));
    lua_close(L);
    return failed;
}
