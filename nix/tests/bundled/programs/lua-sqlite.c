#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <sqlite3.h>

/* query(sql) -> the first column of the first row */
static int query(lua_State *lua)
{
	sqlite3 *database;
	sqlite3_stmt *statement;
	if (sqlite3_open(":memory:", &database) ||
	    sqlite3_prepare_v2(database, luaL_checkstring(lua, 1), -1, &statement, NULL) ||
	    sqlite3_step(statement) != SQLITE_ROW)
		return luaL_error(lua, "%s", sqlite3_errmsg(database));
	lua_pushinteger(lua, sqlite3_column_int64(statement, 0));
	sqlite3_finalize(statement);
	sqlite3_close(database);
	return 1;
}

int main(void)
{
	lua_State *lua = luaL_newstate();
	luaL_openlibs(lua);
	lua_register(lua, "query", query);
	return luaL_dostring(lua, "assert(query('select 6 * 7') == 42)");
}
