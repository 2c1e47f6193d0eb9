-- What the prompt service keeps: limits of keys, what was used, and credits.
-- What Prisma does not model and this file adds: the partitions of "prompt_usage", one a day (UTC), which the service makes and drops as days come and go.

-- AlterTable
ALTER TABLE "api_keys" ADD COLUMN     "concurrent_prompts" INTEGER,
ADD COLUMN     "monthly_credits" INTEGER,
ADD COLUMN     "tokens_per_minute" INTEGER;

-- CreateTable
CREATE TABLE "prompt_usage" (
    "id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "request_id" TEXT NOT NULL,
    "customer" TEXT NOT NULL,
    "caller_hotkey" BYTEA,
    "route" TEXT NOT NULL,
    "model" TEXT,
    "netuid" INTEGER,
    "uid" INTEGER,
    "hotkey" BYTEA,
    "protocol" TEXT,
    "return_code" TEXT,
    "outcome" TEXT NOT NULL,
    "error_code" TEXT,
    "prompt_tokens" INTEGER NOT NULL,
    "completion_tokens" INTEGER NOT NULL,
    "answers" INTEGER NOT NULL,
    "credits" INTEGER NOT NULL,
    "waited_ms" REAL NOT NULL,
    "ms" REAL NOT NULL,

    CONSTRAINT "prompt_usage_pkey" PRIMARY KEY ("at","id")
) PARTITION BY RANGE ("at");

-- CreateTable
CREATE TABLE "prompt_credits" (
    "customer" TEXT NOT NULL,
    "month" DATE NOT NULL,
    "used" BIGINT NOT NULL,
    "held" BIGINT NOT NULL,

    CONSTRAINT "prompt_credits_pkey" PRIMARY KEY ("customer","month")
);

-- CreateTable
CREATE TABLE "prompt_credit_holds" (
    "id" UUID NOT NULL,
    "customer" TEXT NOT NULL,
    "month" DATE NOT NULL,
    "credits" BIGINT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "released" BOOLEAN NOT NULL DEFAULT false,

    CONSTRAINT "prompt_credit_holds_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "prompt_usage_customer_at_idx" ON "prompt_usage"("customer", "at");

-- CreateIndex
CREATE INDEX "prompt_credit_holds_customer_month_expires_at_idx" ON "prompt_credit_holds"("customer", "month", "expires_at");

-- CreateTable
CREATE TABLE "service_secrets" (
    "name" TEXT NOT NULL,
    "value" BYTEA NOT NULL,

    CONSTRAINT "service_secrets_pkey" PRIMARY KEY ("name")
);
