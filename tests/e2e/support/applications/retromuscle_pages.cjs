// RetroMuscle's pages and jobs over supabase-js. Prints what they got, as JSON.
// node retromuscle_pages.cjs NODE_MODULES URL root|mount SERVICE_TOKEN read|write OPTIONS_JSON
const { clientOf, seen } = require('./supabase_client.cjs')
const { repositoryOf } = require('./retromuscle_repository.cjs')
const [modules, url, where, token, job, optionsJson] = process.argv.slice(2)
const options = JSON.parse(optionsJson)
const db = clientOf(modules, url, token, { root: where === 'root' })

const repository = repositoryOf(db)

// The results of every call in their order, by the page that asked, method and arguments.
const results = {}
function asking(page) {
  const call = (name) => async (...args) => {
    const found = seen(await repository[name](...args))
    const key = `${page}: ${name}(${JSON.stringify(args)})`
    results[key] = [...(results[key] ?? []), found]
    return found.data
  }
  return Object.fromEntries(Object.keys(repository).map((name) => [name, call(name)]))
}

async function paymentExport() {
  const ask = asking('payment export')
  const due = (await ask.listMonthlyTrackings('2025-06')).filter((tracking) => tracking.payment_status === 'due')
  await Promise.all(due.map((tracking) => ask.getPayoutProfileByCreatorId(tracking.creator_id)))
}

async function dashboard(userId) {
  const ask = asking(`dashboard of ${userId}`)
  const [creator] = await Promise.all([ask.getCreatorByUserId(userId), ask.listRates(), ask.listPackages(), ask.listMixes()])
  if (creator === null) return
  const trackings = await ask.listCreatorTrackings(creator.id)
  await Promise.all(trackings.flatMap(({ id }) => [ask.listVideosByTracking(id), ask.listRushesByTracking(id)]))
}

async function admin() {
  const ask = asking('admin')
  const creators = await ask.listCreators()
  await Promise.all([
    ask.listMonthlyTrackings(),
    ...['uploaded', 'pending_review', 'approved', 'rejected'].map(ask.listVideosByStatus),
    ...creators.slice(0, 40).map(({ id }) => ask.getCreatorById(id)),
    ask.getCreatorById('not-a-uuid'),
  ])
}

async function bulkReview(tracking, videos) {
  const ask = asking(`bulk review of ${tracking}`)
  for (const [at, id] of videos.entries()) {
    await ask.reviewVideoAsset(id, at % 3 ? 'approved' : 'rejected')
    const approved = (await ask.listVideosByTracking(tracking)).filter((video) => video.status === 'approved')
    await ask.updateTrackingDelivered(tracking, { OOTD: approved.length, step: at })
  }
}

async function onboarding(creator) {
  const ask = asking(`onboarding of ${creator.id}`)
  await Promise.all([ask.upsertPayoutProfile(creator.profile), ...creator.trackings.map(ask.upsertTracking)])
  await ask.upsertPayoutProfile({ ...creator.profile, method: 'stripe', stripe_account: 'acct_1' })
  await Promise.all([ask.getPayoutProfileByCreatorId(creator.id), ask.listCreatorTrackings(creator.id)])
  await ask.upsertPayoutProfile({ ...creator.profile, method: 'cash' }) // refused by a check
  await ask.reviewVideoAsset('00000000-0000-0000-0000-000000000000', 'approved') // there is none
}

async function main() {
  if (job === 'read') await Promise.all([paymentExport(), admin(), ...options.users.map(dashboard)])
  else await Promise.all([...options.reviews.map((review) => bulkReview(review.tracking, review.videos)), ...options.creators.map(onboarding)])
  process.stdout.write(JSON.stringify(results))
}

main()
