-- name: admins
-- Who holds an office on a day in any society, each address once. Few rows.
select distinct on (email) name, email, role from common.officer
where role = %(role)s and since <= %(day)s and (until is null or until >= %(day)s)
order by email, since;
