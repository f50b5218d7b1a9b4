// RetroMuscle's repository over supabase-js: each method is one request.
module.exports.repositoryOf = (db) => ({
  listCreators: () => db.from('creators').select('*').order('created_at'),
  getCreatorById: (id) => db.from('creators').select('*').eq('id', id).maybeSingle(),
  getCreatorByUserId: (id) => db.from('creators').select('*').eq('user_id', id).maybeSingle(),
  listMonthlyTrackings: (month) => {
    const query = db.from('monthly_tracking').select('*')
    return (month ? query.eq('month', month) : query).order('month', { ascending: false })
  },
  listCreatorTrackings: (id) => db.from('monthly_tracking').select('*').eq('creator_id', id).order('month', { ascending: false }),
  listVideosByStatus: (status) => db.from('videos').select('*').eq('status', status).order('created_at', { ascending: false }),
  listVideosByTracking: (id) => db.from('videos').select('*').eq('monthly_tracking_id', id).order('created_at', { ascending: false }),
  listRushesByTracking: (id) => db.from('rushes').select('*').eq('monthly_tracking_id', id).order('created_at', { ascending: false }),
  getPayoutProfileByCreatorId: (id) => db.from('creator_payout_profiles').select('*').eq('creator_id', id).maybeSingle(),
  upsertPayoutProfile: (profile) => db.from('creator_payout_profiles').upsert(profile, { onConflict: 'creator_id' }),
  upsertTracking: (tracking) => db.from('monthly_tracking').upsert(tracking, { onConflict: 'month,creator_id' }).select().single(),
  reviewVideoAsset: (id, status) => db.from('videos').update({ status, reviewed_by: 'admin@example.com' }).eq('id', id).select().single(),
  updateTrackingDelivered: (id, delivered) => db.from('monthly_tracking').update({ delivered }).eq('id', id),
  listApplicationsByUserId: (id) => db.from('creator_applications').select('*').eq('user_id', id),
  listRates: () => db.from('video_rates').select('*'),
  listPackages: () => db.from('package_definitions').select('*'),
  listMixes: () => db.from('mix_definitions').select('*'),
})
