-- The whole data model of prisma/schema.prisma. What Prisma does not model and this file adds: the tables that grow with the
-- chain are range-partitioned by block height, in partitions of a million blocks that the writer makes as heights come.
-- "blocks" is not one of them: its hash is unique, and a partitioned table cannot promise that without the height in the key.

-- CreateTable
CREATE TABLE "chain" (
    "id" SMALLINT NOT NULL DEFAULT 1,
    "genesis_hash" BYTEA NOT NULL,
    "name" TEXT NOT NULL,
    "spec_name" TEXT NOT NULL,
    "ss58_format" INTEGER NOT NULL,
    "token_decimals" INTEGER NOT NULL,
    "token_symbol" TEXT NOT NULL,
    "first_block" BIGINT,

    CONSTRAINT "chain_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "checkpoint" (
    "id" SMALLINT NOT NULL DEFAULT 1,
    "height" BIGINT NOT NULL,
    "hash" BYTEA NOT NULL,
    "finalized_height" BIGINT NOT NULL,

    CONSTRAINT "checkpoint_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "indexed_ranges" (
    "from_block" BIGINT NOT NULL,
    "to_block" BIGINT NOT NULL,

    CONSTRAINT "indexed_ranges_pkey" PRIMARY KEY ("from_block")
);

-- CreateTable
CREATE TABLE "runtime_versions" (
    "spec_version" INTEGER NOT NULL,
    "spec_name" TEXT NOT NULL,
    "transaction_version" INTEGER,
    "first_block" BIGINT NOT NULL,
    "metadata_version" INTEGER NOT NULL,
    "metadata_hash" BYTEA NOT NULL,
    "metadata" BYTEA NOT NULL,

    CONSTRAINT "runtime_versions_pkey" PRIMARY KEY ("spec_version")
);

-- CreateTable
CREATE TABLE "undo" (
    "block_height" BIGINT NOT NULL,
    "table_name" TEXT NOT NULL,
    "key" JSONB NOT NULL,
    "before" JSONB,

    CONSTRAINT "undo_pkey" PRIMARY KEY ("block_height","table_name","key")
);

-- CreateTable
CREATE TABLE "blocks" (
    "height" BIGINT NOT NULL,
    "hash" BYTEA NOT NULL,
    "parent_hash" BYTEA NOT NULL,
    "state_root" BYTEA NOT NULL,
    "extrinsics_root" BYTEA NOT NULL,
    "timestamp" TIMESTAMPTZ(3) NOT NULL,
    "author" BYTEA,
    "spec_version" INTEGER NOT NULL,
    "extrinsic_count" INTEGER NOT NULL,
    "event_count" INTEGER NOT NULL,

    CONSTRAINT "blocks_pkey" PRIMARY KEY ("height")
);

-- CreateTable
CREATE TABLE "extrinsics" (
    "block_height" BIGINT NOT NULL,
    "index" INTEGER NOT NULL,
    "hash" BYTEA NOT NULL,
    "signer" BYTEA,
    "pallet" TEXT NOT NULL,
    "call" TEXT NOT NULL,
    "args" JSON NOT NULL,
    "success" BOOLEAN NOT NULL,
    "error_pallet" TEXT,
    "error_name" TEXT,
    "fee" BIGINT,
    "tip" BIGINT,
    "nonce" BIGINT,
    "era_period" INTEGER,
    "era_phase" INTEGER,
    "timestamp" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "extrinsics_pkey" PRIMARY KEY ("block_height","index")
) PARTITION BY RANGE ("block_height");

-- CreateTable
CREATE TABLE "calls" (
    "block_height" BIGINT NOT NULL,
    "extrinsic_index" INTEGER NOT NULL,
    "index" INTEGER NOT NULL,
    "parent_index" INTEGER NOT NULL,
    "pallet" TEXT NOT NULL,
    "call" TEXT NOT NULL,
    "args" JSON NOT NULL,
    "success" BOOLEAN,
    "error_pallet" TEXT,
    "error_name" TEXT,
    "origin" BYTEA,

    CONSTRAINT "calls_pkey" PRIMARY KEY ("block_height","extrinsic_index","index")
) PARTITION BY RANGE ("block_height");

-- CreateTable
CREATE TABLE "events" (
    "block_height" BIGINT NOT NULL,
    "index" INTEGER NOT NULL,
    "phase" TEXT NOT NULL,
    "extrinsic_index" INTEGER,
    "pallet" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "data" JSON NOT NULL,

    CONSTRAINT "events_pkey" PRIMARY KEY ("block_height","index")
) PARTITION BY RANGE ("block_height");

-- CreateTable
CREATE TABLE "transfers" (
    "block_height" BIGINT NOT NULL,
    "event_index" INTEGER NOT NULL,
    "extrinsic_index" INTEGER,
    "from" BYTEA NOT NULL,
    "to" BYTEA NOT NULL,
    "amount" BIGINT NOT NULL,
    "fee" BIGINT,
    "timestamp" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "transfers_pkey" PRIMARY KEY ("block_height","event_index")
) PARTITION BY RANGE ("block_height");

-- CreateTable
CREATE TABLE "stake_events" (
    "block_height" BIGINT NOT NULL,
    "event_index" INTEGER NOT NULL,
    "extrinsic_index" INTEGER,
    "action" TEXT NOT NULL,
    "hotkey" BYTEA NOT NULL,
    "coldkey" BYTEA,
    "netuid" INTEGER,
    "amount" BIGINT NOT NULL,
    "timestamp" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "stake_events_pkey" PRIMARY KEY ("block_height","event_index")
);

-- CreateTable
CREATE TABLE "neuron_registrations" (
    "block_height" BIGINT NOT NULL,
    "netuid" INTEGER NOT NULL,
    "uid" INTEGER NOT NULL,
    "hotkey" BYTEA NOT NULL,
    "coldkey" BYTEA,
    "method" TEXT NOT NULL,
    "cost" BIGINT,
    "difficulty" DECIMAL(20,0),
    "replaced_hotkey" BYTEA,
    "extrinsic_index" INTEGER,
    "timestamp" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "neuron_registrations_pkey" PRIMARY KEY ("block_height","netuid","uid","hotkey")
);

-- CreateTable
CREATE TABLE "neuron_deregistrations" (
    "block_height" BIGINT NOT NULL,
    "netuid" INTEGER NOT NULL,
    "uid" INTEGER NOT NULL,
    "hotkey" BYTEA NOT NULL,
    "coldkey" BYTEA,
    "reason" TEXT NOT NULL,
    "timestamp" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "neuron_deregistrations_pkey" PRIMARY KEY ("block_height","netuid","uid","hotkey")
);

-- CreateTable
CREATE TABLE "weight_sets" (
    "block_height" BIGINT NOT NULL,
    "netuid" INTEGER NOT NULL,
    "validator_uid" INTEGER NOT NULL,
    "hotkey" BYTEA NOT NULL,
    "uids" INTEGER[],
    "weights" INTEGER[],
    "extrinsic_index" INTEGER,
    "timestamp" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "weight_sets_pkey" PRIMARY KEY ("netuid","validator_uid","block_height")
) PARTITION BY RANGE ("block_height");

-- CreateTable
CREATE TABLE "endpoints" (
    "block_height" BIGINT NOT NULL,
    "netuid" INTEGER NOT NULL,
    "hotkey" BYTEA NOT NULL,
    "kind" TEXT NOT NULL,
    "ip" TEXT NOT NULL,
    "ip_type" INTEGER NOT NULL,
    "port" INTEGER NOT NULL,
    "protocol" INTEGER,
    "version" BIGINT NOT NULL,
    "placeholder1" INTEGER,
    "placeholder2" INTEGER,

    CONSTRAINT "endpoints_pkey" PRIMARY KEY ("netuid","hotkey","kind","block_height")
);

-- CreateTable
CREATE TABLE "subnet_params" (
    "netuid" INTEGER NOT NULL,
    "name" TEXT NOT NULL,
    "block_height" BIGINT NOT NULL,
    "value" JSONB NOT NULL,

    CONSTRAINT "subnet_params_pkey" PRIMARY KEY ("netuid","name","block_height")
);

-- CreateTable
CREATE TABLE "account_balances" (
    "address" BYTEA NOT NULL,
    "block_height" BIGINT NOT NULL,
    "free" BIGINT NOT NULL,
    "reserved" BIGINT NOT NULL,
    "staked" BIGINT,
    "timestamp" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "account_balances_pkey" PRIMARY KEY ("address","block_height")
) PARTITION BY RANGE ("block_height");

-- CreateTable
CREATE TABLE "epochs" (
    "netuid" INTEGER NOT NULL,
    "block_height" BIGINT NOT NULL,
    "tempo" INTEGER NOT NULL,
    "n" INTEGER NOT NULL,
    "emission_value" BIGINT,
    "server_emission" BIGINT,
    "validator_emission" BIGINT,
    "total_stake" BIGINT,
    "active_count" INTEGER NOT NULL,
    "validator_count" INTEGER NOT NULL,
    "timestamp" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "epochs_pkey" PRIMARY KEY ("netuid","block_height")
);

-- CreateTable
CREATE TABLE "emissions" (
    "netuid" INTEGER NOT NULL,
    "block_height" BIGINT NOT NULL,
    "uid" INTEGER NOT NULL,
    "hotkey" BYTEA NOT NULL,
    "server" BIGINT,
    "validator" BIGINT,
    "total" BIGINT NOT NULL,

    CONSTRAINT "emissions_pkey" PRIMARY KEY ("netuid","block_height","uid")
) PARTITION BY RANGE ("block_height");

-- CreateTable
CREATE TABLE "neuron_snapshots" (
    "netuid" INTEGER NOT NULL,
    "block_height" BIGINT NOT NULL,
    "uid" INTEGER NOT NULL,
    "hotkey" BYTEA NOT NULL,
    "coldkey" BYTEA,
    "stake" BIGINT,
    "rank" INTEGER NOT NULL,
    "trust" INTEGER NOT NULL,
    "consensus" INTEGER NOT NULL,
    "incentive" INTEGER NOT NULL,
    "dividends" INTEGER NOT NULL,
    "emission" BIGINT NOT NULL,
    "validator_trust" INTEGER NOT NULL,
    "validator_permit" BOOLEAN NOT NULL,
    "active" BOOLEAN NOT NULL,
    "last_update" BIGINT NOT NULL,
    "pruning_score" INTEGER NOT NULL,
    "registered_block" BIGINT NOT NULL,
    "axon" JSONB,
    "prometheus" JSONB,
    "weight_uids" INTEGER[],
    "weight_values" INTEGER[],
    "bond_uids" INTEGER[],
    "bond_values" INTEGER[],

    CONSTRAINT "neuron_snapshots_pkey" PRIMARY KEY ("netuid","block_height","uid")
) PARTITION BY RANGE ("block_height");

-- CreateTable
CREATE TABLE "network_stats" (
    "block_height" BIGINT NOT NULL,
    "timestamp" TIMESTAMPTZ(3) NOT NULL,
    "balances_issuance" BIGINT,
    "total_issuance" BIGINT,
    "total_stake" BIGINT,
    "block_emission" BIGINT,
    "subnets" INTEGER,
    "totals" JSONB NOT NULL,

    CONSTRAINT "network_stats_pkey" PRIMARY KEY ("block_height")
);

-- CreateTable
CREATE TABLE "accounts" (
    "address" BYTEA NOT NULL,
    "free" BIGINT NOT NULL,
    "reserved" BIGINT NOT NULL,
    "frozen" BIGINT NOT NULL,
    "nonce" BIGINT NOT NULL,
    "staked" BIGINT,
    "total" BIGINT NOT NULL,
    "alive" BOOLEAN NOT NULL,
    "first_seen_block" BIGINT NOT NULL,
    "updated_block" BIGINT NOT NULL,

    CONSTRAINT "accounts_pkey" PRIMARY KEY ("address")
);

-- CreateTable
CREATE TABLE "subnets" (
    "netuid" INTEGER NOT NULL,
    "owner" BYTEA,
    "n" INTEGER NOT NULL,
    "max_uids" INTEGER NOT NULL,
    "tempo" INTEGER NOT NULL,
    "difficulty" DECIMAL(20,0),
    "burn" DECIMAL(20,0),
    "emission" BIGINT,
    "pending_emission" BIGINT,
    "registered_block" BIGINT,
    "last_epoch_block" BIGINT,
    "params" JSONB NOT NULL,
    "updated_block" BIGINT NOT NULL,

    CONSTRAINT "subnets_pkey" PRIMARY KEY ("netuid")
);

-- CreateTable
CREATE TABLE "neurons" (
    "netuid" INTEGER NOT NULL,
    "uid" INTEGER NOT NULL,
    "hotkey" BYTEA NOT NULL,
    "coldkey" BYTEA,
    "stake" BIGINT,
    "rank" INTEGER NOT NULL,
    "trust" INTEGER NOT NULL,
    "consensus" INTEGER NOT NULL,
    "incentive" INTEGER NOT NULL,
    "dividends" INTEGER NOT NULL,
    "emission" BIGINT NOT NULL,
    "validator_trust" INTEGER NOT NULL,
    "validator_permit" BOOLEAN NOT NULL,
    "active" BOOLEAN NOT NULL,
    "last_update" BIGINT NOT NULL,
    "pruning_score" INTEGER NOT NULL,
    "registered_block" BIGINT NOT NULL,
    "axon" JSONB,
    "prometheus" JSONB,
    "weight_uids" INTEGER[],
    "weight_values" INTEGER[],
    "bond_uids" INTEGER[],
    "bond_values" INTEGER[],
    "updated_block" BIGINT NOT NULL,

    CONSTRAINT "neurons_pkey" PRIMARY KEY ("netuid","uid")
);

-- CreateTable
CREATE TABLE "hotkeys" (
    "hotkey" BYTEA NOT NULL,
    "coldkey" BYTEA,
    "take" INTEGER,
    "total_stake" BIGINT,
    "updated_block" BIGINT NOT NULL,

    CONSTRAINT "hotkeys_pkey" PRIMARY KEY ("hotkey")
);

-- CreateTable
CREATE TABLE "delegations" (
    "hotkey" BYTEA NOT NULL,
    "coldkey" BYTEA NOT NULL,
    "netuid" INTEGER NOT NULL,
    "amount" BIGINT NOT NULL,
    "updated_block" BIGINT NOT NULL,

    CONSTRAINT "delegations_pkey" PRIMARY KEY ("hotkey","coldkey","netuid")
);

-- CreateIndex
CREATE UNIQUE INDEX "blocks_hash_key" ON "blocks"("hash");

-- CreateIndex
CREATE INDEX "blocks_timestamp_idx" ON "blocks"("timestamp");

-- CreateIndex
CREATE INDEX "extrinsics_hash_idx" ON "extrinsics"("hash");

-- CreateIndex
CREATE INDEX "extrinsics_signer_block_height_index_idx" ON "extrinsics"("signer", "block_height", "index");

-- CreateIndex
CREATE INDEX "extrinsics_pallet_call_block_height_index_idx" ON "extrinsics"("pallet", "call", "block_height", "index");

-- CreateIndex
CREATE INDEX "extrinsics_timestamp_idx" ON "extrinsics" USING BRIN ("timestamp");

-- CreateIndex
CREATE INDEX "calls_pallet_call_block_height_extrinsic_index_index_idx" ON "calls"("pallet", "call", "block_height", "extrinsic_index", "index");

-- CreateIndex
CREATE INDEX "events_pallet_name_block_height_index_idx" ON "events"("pallet", "name", "block_height", "index");

-- CreateIndex
CREATE INDEX "transfers_from_block_height_event_index_idx" ON "transfers"("from", "block_height", "event_index");

-- CreateIndex
CREATE INDEX "transfers_to_block_height_event_index_idx" ON "transfers"("to", "block_height", "event_index");

-- CreateIndex
CREATE INDEX "transfers_amount_block_height_event_index_idx" ON "transfers"("amount", "block_height", "event_index");

-- CreateIndex
CREATE INDEX "transfers_timestamp_idx" ON "transfers" USING BRIN ("timestamp");

-- CreateIndex
CREATE INDEX "stake_events_hotkey_block_height_event_index_idx" ON "stake_events"("hotkey", "block_height", "event_index");

-- CreateIndex
CREATE INDEX "stake_events_coldkey_block_height_event_index_idx" ON "stake_events"("coldkey", "block_height", "event_index");

-- CreateIndex
CREATE INDEX "stake_events_amount_block_height_event_index_idx" ON "stake_events"("amount", "block_height", "event_index");

-- CreateIndex
CREATE INDEX "stake_events_timestamp_idx" ON "stake_events" USING BRIN ("timestamp");

-- CreateIndex
CREATE INDEX "neuron_registrations_netuid_uid_block_height_idx" ON "neuron_registrations"("netuid", "uid", "block_height");

-- CreateIndex
CREATE INDEX "neuron_registrations_hotkey_block_height_idx" ON "neuron_registrations"("hotkey", "block_height");

-- CreateIndex
CREATE INDEX "neuron_registrations_coldkey_block_height_idx" ON "neuron_registrations"("coldkey", "block_height");

-- CreateIndex
CREATE INDEX "neuron_deregistrations_netuid_uid_block_height_idx" ON "neuron_deregistrations"("netuid", "uid", "block_height");

-- CreateIndex
CREATE INDEX "neuron_deregistrations_hotkey_block_height_idx" ON "neuron_deregistrations"("hotkey", "block_height");

-- CreateIndex
CREATE INDEX "weight_sets_block_height_netuid_validator_uid_idx" ON "weight_sets"("block_height", "netuid", "validator_uid");

-- CreateIndex
CREATE INDEX "weight_sets_hotkey_block_height_idx" ON "weight_sets"("hotkey", "block_height");

-- CreateIndex
CREATE INDEX "endpoints_block_height_idx" ON "endpoints" USING BRIN ("block_height");

-- CreateIndex
CREATE INDEX "subnet_params_block_height_idx" ON "subnet_params"("block_height");

-- CreateIndex
CREATE INDEX "account_balances_block_height_idx" ON "account_balances" USING BRIN ("block_height");

-- CreateIndex
CREATE INDEX "account_balances_timestamp_idx" ON "account_balances" USING BRIN ("timestamp");

-- CreateIndex
CREATE INDEX "epochs_block_height_netuid_idx" ON "epochs"("block_height", "netuid");

-- CreateIndex
CREATE INDEX "emissions_hotkey_block_height_idx" ON "emissions"("hotkey", "block_height");

-- CreateIndex
CREATE INDEX "emissions_block_height_netuid_uid_idx" ON "emissions"("block_height", "netuid", "uid");

-- CreateIndex
CREATE INDEX "neuron_snapshots_hotkey_block_height_idx" ON "neuron_snapshots"("hotkey", "block_height");

-- CreateIndex
CREATE INDEX "neuron_snapshots_block_height_idx" ON "neuron_snapshots" USING BRIN ("block_height");

-- CreateIndex
CREATE INDEX "network_stats_timestamp_idx" ON "network_stats"("timestamp");

-- CreateIndex
CREATE INDEX "accounts_free_address_idx" ON "accounts"("free" DESC, "address");

-- CreateIndex
CREATE INDEX "accounts_staked_address_idx" ON "accounts"("staked" DESC, "address");

-- CreateIndex
CREATE INDEX "accounts_total_address_idx" ON "accounts"("total" DESC, "address");

-- CreateIndex
CREATE INDEX "accounts_updated_block_address_idx" ON "accounts"("updated_block" DESC, "address");

-- CreateIndex
CREATE INDEX "neurons_hotkey_netuid_idx" ON "neurons"("hotkey", "netuid");

-- CreateIndex
CREATE INDEX "neurons_coldkey_netuid_uid_idx" ON "neurons"("coldkey", "netuid", "uid");

-- CreateIndex
CREATE INDEX "neurons_stake_netuid_uid_idx" ON "neurons"("stake" DESC, "netuid", "uid");

-- CreateIndex
CREATE INDEX "neurons_netuid_stake_uid_idx" ON "neurons"("netuid", "stake" DESC, "uid");

-- CreateIndex
CREATE INDEX "neurons_netuid_incentive_uid_idx" ON "neurons"("netuid", "incentive" DESC, "uid");

-- CreateIndex
CREATE INDEX "neurons_netuid_dividends_uid_idx" ON "neurons"("netuid", "dividends" DESC, "uid");

-- CreateIndex
CREATE INDEX "neurons_netuid_emission_uid_idx" ON "neurons"("netuid", "emission" DESC, "uid");

-- CreateIndex
CREATE INDEX "hotkeys_total_stake_hotkey_idx" ON "hotkeys"("total_stake" DESC, "hotkey");

-- CreateIndex
CREATE INDEX "hotkeys_coldkey_hotkey_idx" ON "hotkeys"("coldkey", "hotkey");

-- CreateIndex
CREATE INDEX "delegations_coldkey_amount_idx" ON "delegations"("coldkey", "amount" DESC);

-- CreateIndex
CREATE INDEX "delegations_hotkey_amount_idx" ON "delegations"("hotkey", "amount" DESC);

-- CreateIndex
CREATE INDEX "delegations_amount_hotkey_coldkey_idx" ON "delegations"("amount" DESC, "hotkey", "coldkey");
