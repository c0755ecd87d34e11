-- The month's returns: which were made, by when they are due, under which section tax is deducted.

create table return_set (
    community_id    uuid not null references community,
    period          date not null check (extract(day from period) = 1),
    version         smallint not null check (version > 0),
    fingerprint     text not null check (fingerprint ~ '^[0-9a-f]{64}$'),
    made_at         timestamptz not null default clock(),
    primary key (community_id, period, version)
);
comment on table return_set is 'Returns of a month, made and mailed: the first set, then one for each time that figures had changed.';
comment on column return_set.community_id is 'The society.';
comment on column return_set.period is 'First day of the month.';
comment on column return_set.version is '1, then 2 for the first correction.';
comment on column return_set.fingerprint is 'SHA-256 of all figures: the same ones are not mailed again.';
comment on column return_set.made_at is 'When.';

insert into stat_rate (code, scope, effective_from, effective_to, payload, source) values
('EPF_DUE', 'IN', '2016-01-01', null, '{"day": "15"}', 'Para 38 of the scheme of 1952, 2026 text not seen (paperzz)'),
('ESI_DUE', 'IN', '2017-07-01', null, '{"day": "15"}', 'Reg. 31 ESI Regulations (finchcontext)'),
('TDS_DUE', 'IN', '2010-04-01', null, '{"day": "7", "march": "30"}', 'Old r. 30 of the rules of 1962 (taxpage)'),
('TDS_RETURN', 'IN', '2010-04-01', '2026-03-31',
    '{"section": "192", "form": "24Q", "quarters": ["07-31", "10-31", "01-31", "05-31"]}', 'Income-tax Act 1961 s. 192, r. 31A'),
('TDS_RETURN', 'IN', '2026-04-01', null,
    '{"section": "392(1)", "form": "138", "quarters": ["07-31", "10-31", "01-31", "05-31"]}',
    'Income-tax Act 2025 s. 392(1) (aubsp, taxtmi); dates: bharattax'),
('PT_DUE', 'KA', '2017-04-01', null, '{"day": "20"}', 'Karnataka Act 35 of 1976 (deskera)'),
('PT_DUE', 'MH', '2018-04-01', null,
    '{"day": "31", "note": "sources differ between the end of this and of the next month; below 1 lakh a year: 31 March"}',
    'Maharashtra Act XVI of 1975, r. 11 (biztree, taxclick)'),
('PT_DUE', 'GJ', '2017-04-01', null, '{"day": "15"}', 'Gujarat Act of 1976 (hrdconsultinggroup)'),
('PT_DUE', 'AP', '2017-04-01', null, '{"day": "10"}', 'Andhra Pradesh Act 22 of 1987 (hrdconsultinggroup)');
comment on column stat_rate.code is
    'EPF, ESI, ESI_BASE, WAGE_DEF, DEDUCTION_CAP, PT, TAX_NEW, MIN_WAGE; by when: EPF_DUE, ESI_DUE, PT_DUE, TDS_DUE, TDS_RETURN.';
