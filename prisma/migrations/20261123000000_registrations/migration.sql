-- The keys that customers have, and the registrations that they ask for.
-- What Prisma does not model and this file adds: the partial indexes of "registrations" and its check.

-- CreateTable
CREATE TABLE "api_keys" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "secret_hash" BYTEA NOT NULL,
    "scopes" TEXT[],
    "requests_per_minute" INTEGER,
    "active_jobs" INTEGER,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "registrations" (
    "id" UUID NOT NULL,
    "customer" TEXT NOT NULL,
    "genesis_hash" BYTEA NOT NULL,
    "hotkey" BYTEA NOT NULL,
    "coldkey" BYTEA,
    "mode" TEXT NOT NULL,
    "max_cost" DECIMAL(39,0),
    "state" TEXT NOT NULL,
    "reason" JSONB,
    "netuids" INTEGER[],
    "targets" JSONB NOT NULL,
    "attempts" INTEGER NOT NULL,
    "solutions" INTEGER NOT NULL,
    "sent" JSONB NOT NULL,
    "deadline" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL,

    CONSTRAINT "registrations_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "registrations_customer_id_idx" ON "registrations"("customer", "id" DESC);

-- CreateIndex
CREATE INDEX "registrations_genesis_hash_state_idx" ON "registrations"("genesis_hash", "state");

-- The same asked for twice is one registration, until it has ended.
CREATE UNIQUE INDEX "registrations_unfinished_key" ON "registrations"("genesis_hash", "customer", "hotkey", "mode", "netuids") WHERE "ended_at" IS NULL;

-- Few have not ended, however many there were.
CREATE INDEX "registrations_active_idx" ON "registrations"("genesis_hash", "id") WHERE "ended_at" IS NULL;

-- What tells that one has ended is its time, which the indexes above go by. It must not disagree with the state.
ALTER TABLE "registrations" ADD CONSTRAINT "registrations_ended_check" CHECK (("ended_at" IS NOT NULL) = ("state" IN ('registered', 'failed', 'cancelled', 'expired')));
