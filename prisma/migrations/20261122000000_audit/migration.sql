-- What recomputing an epoch came to, what it was recomputed from, and the index's own sums beside the chain's totals.
-- What Prisma does not model and this file adds: the partitions of "epoch_inputs", its storage, and the partial indexes.

-- AlterTable: null in rows of before, which nobody has audited.
ALTER TABLE "epochs" ADD COLUMN     "audit_difference_count" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "audit_differences" JSON,
ADD COLUMN     "audit_generation" TEXT,
ADD COLUMN     "audit_reason" TEXT,
ADD COLUMN     "audit_status" TEXT,
ADD COLUMN     "emission_due" BIGINT,
ADD COLUMN     "emission_given" BIGINT,
ADD COLUMN     "inputs_hash" BYTEA;

-- AlterTable: NUMERIC, because a sum of BIGINT can be larger than one, and a batch must not fail for that.
ALTER TABLE "network_stats" ADD COLUMN     "balance_sum" DECIMAL(39,0),
ADD COLUMN     "emission_due" DECIMAL(39,0),
ADD COLUMN     "emission_given" DECIMAL(39,0),
ADD COLUMN     "hotkey_stake_sum" DECIMAL(39,0),
ADD COLUMN     "stake_sum" DECIMAL(39,0);

-- CreateTable
CREATE TABLE "epoch_inputs" (
    "netuid" INTEGER NOT NULL,
    "block_height" BIGINT NOT NULL,
    "inputs" BYTEA NOT NULL,

    CONSTRAINT "epoch_inputs_pkey" PRIMARY KEY ("netuid","block_height")
) PARTITION BY RANGE ("block_height");

-- The bytes come compressed: Postgres need not try.
ALTER TABLE "epoch_inputs" ALTER COLUMN "inputs" SET STORAGE EXTERNAL;

-- CreateIndex: counts by status read this alone.
CREATE INDEX "epochs_audit_status_idx" ON "epochs"("audit_status");

-- Nearly always empty, so that mismatches are found at once however many epochs there are, by either of the columns that tell.
CREATE INDEX "epochs_differs_idx" ON "epochs"("block_height", "netuid") WHERE "audit_status" = 'DIFFERS';
CREATE INDEX "epochs_difference_count_idx" ON "epochs"("block_height", "netuid") WHERE "audit_difference_count" > 0;

-- The newest totals with sums.
CREATE INDEX "network_stats_summed_idx" ON "network_stats"("block_height") WHERE "balance_sum" IS NOT NULL;
